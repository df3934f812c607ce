"""One change made on this device, and which version the next one builds on."""

import enum
import hashlib
from typing import Any

import msgspec

from heddle.contract.local_changes import ChangeKind

Installed = tuple[int, Any]  # a flow's version here, and its definition


class ChangeState(enum.StrEnum):
    """How a change stands."""

    BEGUN = "begun"  # on disk, but perhaps not done
    WAITING = "waiting"  # done; the centre has not answered yet
    TAKEN = "taken"  # the centre has it as a version
    CONFLICT = "conflict"  # the centre's version stands
    REFUSED = "refused"  # the centre cannot take it; it stays on this device


OPEN = frozenset({ChangeState.BEGUN, ChangeState.WAITING})


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change, with all that is needed to offer it and to follow the answer."""

    number: int  # order, and the file's name
    change: str
    flow: str
    kind: ChangeKind
    base: int  # the centre's version it was based on, as far as known here
    version: int  # what it is called here until the centre has named it
    at_ms: int
    after: int | None = None  # the undecided change that it builds on
    state: ChangeState = ChangeState.BEGUN
    digest: str = ""  # of the definition
    definition: dict[str, Any] | None = None  # until nobody needs it any more
    told: str = ""  # what the centre's answer means, in a sentence
    centre_version: int | None = None  # the newest there, once decided
    centre_definition: dict[str, Any] | None = None  # what is to be installed
    is_due: bool = False  # the centre's version is still to be installed

    @property
    def is_open(self) -> bool:
        """Whether the centre has not decided it."""
        return self.state in OPEN

    @property
    def known(self) -> int:
        """The centre's version that the device knew of once it had made this change.

        After a conflict that is the one from before, so that what builds on this change
        is in conflict, too: the version made here is not its namesake at the centre.
        """
        if self.is_open:
            return self.version
        if self.state is ChangeState.TAKEN and self.kind is ChangeKind.SAVED:
            return self.centre_version or self.version
        return self.base

    def made(self, installed: Installed | None) -> bool:
        """Whether this change made what is installed now."""
        if installed is None:
            return self.kind is ChangeKind.REMOVED
        return installed[0] == self.version and digest(installed[1]) == self.digest


def digest(definition: Any) -> str:
    """Tells two definitions apart, in whatever order their keys are."""
    text = msgspec.json.encode(definition, order="sorted")
    return hashlib.sha256(text).hexdigest()[:32]


def base_of(last: Change | None, installed: Installed | None) -> int:
    """The centre's version that a change would be based on; 0 for none."""
    if last is not None and (installed is None or last.made(installed)):
        return last.known
    return 0 if installed is None else installed[0]
