"""Errors as RFC 9457 problems: what is wrong, how it stands, the way out, a status.

An error of the contract keeps its URI as ``type``; the gateway's own begin with
``urn:heddle:rest:``. What no status is declared for is a defect and told as 500.
"""

from dataclasses import field
from http import HTTPStatus
from typing import Any

import msgspec

from heddle.contract import (
    accounts,
    alarms,
    dashboards,
    deployments,
    device_deployments,
    devices,
    fleet,
    flows,
    gate,
    lifecycle,
    people,
    runs,
    trials,
    upkeep,
)
from heddle.contract.declare import (
    FleetError,
    InternalError,
    InvalidId,
    InvalidRequest,
    LocalError,
    NotPermitted,
    StorageUnavailable,
    message,
)
from heddle.contract.history import TooManyRows
from heddle.wamp.session import (
    CallTimedOut,
    ConnectionLost,
    MessageTooLarge,
    NotServed,
    UnexpectedError,
)

PROBLEM = "application/problem+json"


@message
class Problem:
    """RFC 9457; ``type`` names the error as the wire reference does."""

    type: str
    title: str
    status: int
    detail: str  # one sentence: the thing, its state, the way out
    instance: str  # the path that was asked
    request_id: str  # find it by this in the logs
    details: dict[str, Any] = field(default_factory=dict)  # for programs


class Malformed(LocalError):
    """The request does not have the shape that the API description gives."""


class Unportable(LocalError):
    """The request holds text or numbers that not every part can carry."""


class Unauthenticated(LocalError):
    """No credential, or one that opens nothing."""


class NoSuchPath(LocalError):
    """Nothing is at this path."""


class WrongMethod(LocalError):
    """What is at this path cannot be used so; ``details["allow"]`` tells how."""


class TooLarge(LocalError):
    """The body is larger than anything should be."""


class NotJson(LocalError):
    """The body is not said to be JSON."""


class Unseen(LocalError):
    """A change needs ``If-Match`` with the ETag of what it is based on."""


class KeyReused(LocalError):
    """The idempotency key was used for another request."""


class StillUnderWay(LocalError):
    """The request of this idempotency key is not answered yet."""


class AnsweredAlready(LocalError):
    """It was done under this idempotency key; its answer was a secret, told once."""


class Uncertain(LocalError):
    """Nobody knows whether what this idempotency key was for has been done."""


class TooManyRequests(LocalError):
    """Slower, please; ``details["retry_in_s"]`` says when."""


class TooBusy(LocalError):
    """There is no room for another session or stream."""


class DeviceSilent(LocalError):
    """The device is offline, or there is none of this id."""


class RouterUnreachable(LocalError):
    """The router does not answer."""


_GROUPS: dict[HTTPStatus, tuple[type[FleetError], ...]] = {
    HTTPStatus.BAD_REQUEST: (Malformed,),
    HTTPStatus.UNAUTHORIZED: (
        Unauthenticated,
        people.LoginRefused,
        gate.TicketInvalid,
        gate.RealmUnknown,
        gate.KeyUnknown,
        gate.KeyOfAnotherProject,
    ),
    HTTPStatus.FORBIDDEN: (
        NotPermitted,
        accounts.PasswordWrong,
        deployments.SecondPersonNeeded,
    ),
    HTTPStatus.NOT_FOUND: (
        NoSuchPath,
        people.ProjectNotFound,
        accounts.UserNotFound,
        accounts.SessionNotFound,
        accounts.ApiKeyNotFound,
        alarms.AlarmNotFound,
        dashboards.DashboardNotFound,
        deployments.DeploymentNotFound,
        device_deployments.DeploymentUnknown,
        devices.DeviceNotFound,
        flows.FlowNotFound,
        lifecycle.ReleaseNotFound,
        runs.FlowNotInstalled,
        runs.RunNotFound,
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (WrongMethod,),
    HTTPStatus.CONFLICT: (
        StillUnderWay,
        AnsweredAlready,
        Uncertain,
        DeviceSilent,
        accounts.LastOwner,
        alarms.DeviceOffline,
        alarms.WrongAlarmState,
        deployments.DeploymentConflict,
        device_deployments.DeploymentSuperseded,
        deployments.WrongDeploymentState,
        devices.CodeExpired,
        devices.CodeUsed,
        devices.DeviceExists,
        lifecycle.FlowArchived,
        lifecycle.FlowExists,
        lifecycle.FlowInUse,
        lifecycle.FlowPublished,
        people.ProjectExists,
        people.UserExists,
        runs.EngineUnavailable,
        runs.ListenerNotActive,
        runs.RunAlreadyActive,
        runs.RunExists,
        runs.RunPaused,
        runs.WrongRunState,
        upkeep.UndeliveredData,
    ),
    HTTPStatus.PRECONDITION_FAILED: (
        dashboards.DashboardChanged,
        lifecycle.FlowChanged,
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (TooLarge,),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (NotJson,),
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        InvalidId,
        InvalidRequest,
        Unportable,
        KeyReused,
        MessageTooLarge,
        TooManyRows,
        accounts.InvitationInvalid,
        accounts.PasswordWeak,
        alarms.AlarmRulesInvalid,
        deployments.NoTargets,
        deployments.StrategyInvalid,
        device_deployments.VariableInvalid,
        devices.CodeUnknown,
        fleet.SelectorInvalid,
        flows.FlowInvalid,
        flows.ReleaseRefused,
        trials.BudgetSpent,
        trials.ScriptInvalid,
        upkeep.KeyInvalid,
    ),
    HTTPStatus.PRECONDITION_REQUIRED: (Unseen,),
    HTTPStatus.TOO_MANY_REQUESTS: (
        TooManyRequests,
        gate.TooManyAttempts,
        trials.TrialsBusy,
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (InternalError,),
    HTTPStatus.BAD_GATEWAY: (UnexpectedError, ConnectionLost),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        RouterUnreachable,
        TooBusy,
        NotServed,
        StorageUnavailable,
        gate.LoginUnavailable,
    ),
    HTTPStatus.GATEWAY_TIMEOUT: (CallTimedOut,),
    HTTPStatus.INSUFFICIENT_STORAGE: (runs.StorageFull,),
}
STATUS: dict[type[FleetError], HTTPStatus] = {
    kind: status for status, kinds in _GROUPS.items() for kind in kinds
}


def status_of(kind: type[FleetError]) -> HTTPStatus:
    """The status of the nearest class that has one."""
    for each in kind.__mro__:
        if each in STATUS:
            return STATUS[each]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(error: FleetError, path: str, request_id: str) -> Problem:
    """An error as it is told."""
    status = status_of(type(error))
    return Problem(
        type=type_of(error),
        title=status.phrase,
        status=status.value,
        detail=str(error),
        instance=path,
        request_id=request_id,
        details=msgspec.to_builtins(dict(error.details)),
    )


def defect(reference: str, path: str, request_id: str) -> Problem:
    """Something that should not happen; the log has it under ``reference``."""
    told = InternalError(f"a defect of the gateway; its log tells more: {reference}")
    return problem(told, path, request_id)


def type_of(error: FleetError) -> str:
    """``urn:heddle:error:flow_invalid``; ``urn:heddle:rest:TooLarge`` for ours."""
    if error.uri == LocalError.uri:
        return f"urn:heddle:rest:{type(error).__name__}"
    return "urn:" + error.uri.replace(".", ":")
