"""Changes made on a device, offered to the centre: it takes them, or its word stands.

A device may be changed where it stands, with or without a router. It remembers each
change and offers it, oldest first, with the version it was based on, as often as it
takes to get an answer; by its id a change is decided once.
"""

import enum
from typing import Any

from heddle.contract.declare import PEOPLE, Procedure, Role, Scope, message
from heddle.contract.flows import FlowInvalid


class ChangeKind(enum.StrEnum):
    """What was done to a flow on the device."""

    SAVED = "saved"  # installed, or replaced by another definition
    REMOVED = "removed"  # from this device; the project keeps its versions


class ChangeOutcome(enum.StrEnum):
    """What the centre made of a change."""

    TAKEN = "taken"
    CONFLICT = "conflict"  # the flow was changed at the centre, too: its version stands


@message
class OfferChange:
    """One change, as the device that offers it made it."""

    change: str  # made by the device; a repeat is answered as the first time
    flow: str
    kind: ChangeKind
    base: int  # the version it was based on; 0 for none
    changed_at_ms: int
    definition: dict[str, Any] | None = None  # what was saved


@message
class ChangeDecided:
    """What became of a change, and how the flow stands at the centre now."""

    change: str
    outcome: ChangeOutcome
    version: int  # the newest; 0 if the centre has no such flow
    definition: dict[str, Any] | None = None  # the newest, after a conflict


@message
class ListLocalChanges:
    """Ask for the newest changes made on devices; all of them, or of one alone."""

    device: str | None = None
    flow: str | None = None
    most: int = 100


@message
class LocalChange:
    """One change made on a device, and what the centre decided."""

    device: str
    change: str
    flow: str
    kind: ChangeKind
    base: int
    outcome: ChangeOutcome
    version: int  # the flow's newest when it was decided
    changed_at_ms: int
    decided_at_ms: int


@message
class LocalChangeList:
    """Changes made on devices, newest decision first."""

    changes: tuple[LocalChange, ...]


OFFER_CHANGE: Procedure[OfferChange, ChangeDecided] = Procedure(
    "heddle.backend.local_change.offer",
    OfferChange,
    ChangeDecided,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=frozenset({Role.AGENT}),
    summary="Take a change made on the calling device as the flow's next version, "
    "if the version it was based on is still the newest.",
    raises=(FlowInvalid,),
)
LIST_LOCAL_CHANGES: Procedure[ListLocalChanges, LocalChangeList] = Procedure(
    "heddle.backend.local_change.list",
    ListLocalChanges,
    LocalChangeList,
    scope=Scope.PROJECT,
    served_by=Role.BACKEND,
    called_by=PEOPLE,
    summary="Changes made on devices, and what was decided.",
)
