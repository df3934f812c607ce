"""The vocabulary in which the contract is written: procedures, topics, errors.

A URI template may name ids in braces; ``at`` fills them and refuses any id that could
widen the URI. Everything here is plain data: the session layer, the router's
permissions and the reference pages are derived from it.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform, final

ID = re.compile(r"[a-z0-9_]{1,64}")

T = TypeVar("T")
Request = TypeVar("Request")
Reply = TypeVar("Reply")
Event = TypeVar("Event")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def message(cls: type[T]) -> type[T]:
    """Make a class a wire message: an immutable, keyword-only dataclass."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


class Role(enum.StrEnum):
    """Who a session is, as the router authenticated it."""

    BACKEND = "backend"
    FLEETDATA = "fleetdata"
    GATEKEEPER = "gatekeeper"
    AGENT = "agent"
    ENROLLING = "enrolling"  # a key without a project; may only redeem a code
    PERSON = "person"  # signed in by password, no project chosen yet
    OWNER = "owner"
    OPERATOR = "operator"
    VIEWER = "viewer"


OPERATORS = frozenset({Role.OWNER, Role.OPERATOR})
PEOPLE = frozenset({Role.OWNER, Role.OPERATOR, Role.VIEWER})


class Scope(enum.StrEnum):
    """Which kind of realm a procedure or topic lives in."""

    SYSTEM = "system"  # the one realm for enrolment, login and service matters
    PROJECT = "project"  # every project's own realm


SYSTEM_REALM = "system"


def project_realm(project: str) -> str:
    """The realm of a project, e.g. ``project_default``."""
    return f"project_{check_id('project', project)}"


class FleetError(Exception):
    """A failure the caller is told about. Subclasses name their wire URI.

    ``details`` travel beside the sentence for programs, e.g. the number wanted.
    """

    uri: ClassVar[str]

    def __init__(self, sentence: str, **details: object) -> None:
        super().__init__(sentence)
        self.details: Mapping[str, object] = details


class LocalError(FleetError):
    """A failure told at this end, to a person or in a log; it never travels."""

    uri = "heddle.error.local"


class InvalidId(FleetError):
    """An id is not ``[a-z0-9_]{1,64}``."""

    uri = "heddle.error.invalid_id"


class InvalidRequest(FleetError):
    """The request does not have the declared shape; the sentence names the field."""

    uri = "heddle.error.invalid_request"


class InternalError(FleetError):
    """A defect on the serving side; the sentence carries only a log reference."""

    uri = "heddle.error.internal"


class NotPermitted(FleetError):
    """The caller is known but may not do this."""

    uri = "heddle.error.not_permitted"


class StorageUnavailable(FleetError):
    """The database does not answer, or is busy; try again, nothing was stored."""

    uri = "heddle.error.storage_unavailable"


COMMON_ERRORS: tuple[type[FleetError], ...] = (
    InvalidId,
    InvalidRequest,
    InternalError,
    NotPermitted,
    StorageUnavailable,
)


def check_id(name: str, value: str) -> str:
    """Return ``value`` if it is an id; raises ``InvalidId`` naming it otherwise."""
    if not ID.fullmatch(value):
        raise InvalidId(
            f"{name} {value!r} is not an id: use 1 to 64 of a-z, 0-9 and _",
            name=name,
        )
    return value


def _fill(template: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        check_id(name, value)
    return template.format_map(ids)


@final
@dataclass(frozen=True, slots=True)
class Procedure(Generic[Request, Reply]):
    """One remote call: who serves it, who may call it, and what travels."""

    uri: str
    request: type[Request]
    reply: type[Reply]
    scope: Scope
    served_by: Role
    called_by: frozenset[Role]
    summary: str
    raises: tuple[type[FleetError], ...] = ()

    def at(self, **ids: str) -> str:
        """The concrete URI, e.g. ``START_RUN.at(device="press_7")``."""
        return _fill(self.uri, ids)


def of_backend(
    name: str,
    request: type[Any],
    reply: type[Any],
    summary: str,
    *raises: type[FleetError],
    called_by: frozenset[Role] = OPERATORS,
    scope: Scope = Scope.PROJECT,
) -> Procedure[Any, Any]:
    """A procedure ``heddle.backend.{name}``."""
    return Procedure(
        f"heddle.backend.{name}",
        request,
        reply,
        scope=scope,
        served_by=Role.BACKEND,
        called_by=called_by,
        summary=summary,
        raises=raises,
    )


@final
@dataclass(frozen=True, slots=True)
class Topic(Generic[Event]):
    """One stream of events: who publishes it and who may subscribe."""

    uri: str
    event: type[Event]
    scope: Scope
    published_by: Role
    subscribed_by: frozenset[Role]
    summary: str

    def at(self, **ids: str) -> str:
        """The concrete URI, e.g. ``TELEMETRY.at(device="press_7")``."""
        return _fill(self.uri, ids)

    def everywhere(self) -> str:
        """The wildcard URI over all ids, to subscribe with ``match=wildcard``."""
        return re.sub(r"\{\w+\}", "", self.uri)
