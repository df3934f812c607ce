"""Errors as RFC 9457 problems: the thing, its state, the way out, and a status."""

from http import HTTPStatus
from typing import Any

import msgspec

from edge_agent.local.access import BadToken, WrongHost
from edge_agent.local.answers import FlowResult, Problem
from edge_agent.local.changes import TooManyChanges
from edge_agent.local.desk import FlowExists, Outdated, Unseen
from edge_agent.outbox import OutboxFailed
from heddle.contract.declare import (
    FleetError,
    InvalidId,
    InvalidRequest,
    LocalError,
    StorageUnavailable,
)
from heddle.contract.flows import Finding, FlowInvalid, ReleaseRefused
from heddle.contract.runs import (
    EngineUnavailable,
    FlowNotInstalled,
    ListenerNotActive,
    RunAlreadyActive,
    RunExists,
    RunNotFound,
    RunPaused,
    StorageFull,
    WrongRunState,
)


class NoSuchPath(LocalError):
    """Nothing is at this path."""


class WrongMethod(LocalError):
    """What is at this path cannot be used so; ``details["allow"]`` tells how."""


class NotJson(LocalError):
    """The body is not said to be JSON."""


class TooLarge(LocalError):
    """The body is larger than any workflow should be."""


class NoneHeeded(LocalError):
    """A command that no flow heeded; ``details["results"]`` tells why."""


STATUS: dict[type[FleetError], HTTPStatus] = {
    InvalidId: HTTPStatus.BAD_REQUEST,
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    BadToken: HTTPStatus.UNAUTHORIZED,
    NoSuchPath: HTTPStatus.NOT_FOUND,
    FlowNotInstalled: HTTPStatus.NOT_FOUND,
    RunNotFound: HTTPStatus.NOT_FOUND,
    WrongMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    FlowExists: HTTPStatus.CONFLICT,
    RunExists: HTTPStatus.CONFLICT,
    RunAlreadyActive: HTTPStatus.CONFLICT,
    RunPaused: HTTPStatus.CONFLICT,
    WrongRunState: HTTPStatus.CONFLICT,
    ListenerNotActive: HTTPStatus.CONFLICT,
    NoneHeeded: HTTPStatus.CONFLICT,
    Outdated: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    NotJson: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    WrongHost: HTTPStatus.MISDIRECTED_REQUEST,
    FlowInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    ReleaseRefused: HTTPStatus.FORBIDDEN,
    Unseen: HTTPStatus.PRECONDITION_REQUIRED,
    EngineUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    OutboxFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    TooManyChanges: HTTPStatus.INSUFFICIENT_STORAGE,
}
"""By the error's class; what is not here is told as 500."""


def status_of(error: FleetError) -> HTTPStatus:
    """The status of the nearest class that has one."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(error: FleetError) -> Problem:
    """An error as it is told."""
    status = status_of(error)
    results: Any = error.details.get("results", ())
    return Problem(
        type=_type(error),
        title=status.phrase,
        status=status.value,
        detail=str(error),
        findings=_findings(error.details.get("findings", ())),
        results=tuple(each for each in results if isinstance(each, FlowResult)),
    )


def defect(reference: str) -> Problem:
    """Something that should not happen; the log has it under ``reference``."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return Problem(
        type="urn:heddle:error:internal",
        title=status.phrase,
        status=status.value,
        detail=f"a defect of the agent; its log tells more under {reference}",
    )


def _type(error: FleetError) -> str:
    """``urn:heddle:error:flow_invalid``, and ``urn:heddle:local:Outdated`` for ours."""
    if error.uri == LocalError.uri:
        return f"urn:heddle:local:{type(error).__name__}"
    return "urn:" + error.uri.replace(".", ":")


def _findings(told: object) -> tuple[Finding, ...]:
    try:
        return msgspec.convert(told, tuple[Finding, ...])
    except msgspec.ValidationError:
        return ()
