"""What devices answer and report, as inputs of the machine. Pure."""

from heddle.contract.declare import FleetError
from heddle.contract.device_deployments import (
    DeploymentSuperseded,
    DeploymentUnknown,
    DeviceDeployment,
    DeviceStage,
)
from heddle.contract.runs import EngineUnavailable, StorageFull
from heddle.rollout.inputs import (
    Activated,
    Delivered,
    Failed,
    Gone,
    Prepared,
    Report,
    Reverted,
    RevertFailed,
    Undelivered,
)
from heddle.rollout.state import Order
from heddle.wamp.session import CallTimedOut, NotServed

NO_REASON = "it told no reason"


def answered(
    device: str, report: DeviceDeployment, order: Order, at_ms: int
) -> list[Report]:
    """What the answer to an order means: it has it, and stands so."""
    taken = Delivered(at_ms, device, order)
    if order is Order.SETTLE:
        return [taken]
    told_so = told(device, report, order, at_ms)
    return [taken] if told_so is None else [taken, told_so]


def told(
    device: str, report: DeviceDeployment, order: Order | None, at_ms: int
) -> Report | None:
    """What a report means to a target that has this order; None if nothing."""
    match report.stage:
        case DeviceStage.PREPARING | DeviceStage.WAITING:
            return Delivered(at_ms, device, order) if order is Order.DEPLOY else None
        case DeviceStage.READY:
            return Prepared(at_ms, device)
        case DeviceStage.ACTIVE:
            return _active(device, report, at_ms)
        case DeviceStage.FAILED:
            return _failed(device, report, order, at_ms)
        case DeviceStage.REVERTING | DeviceStage.REVERTED:
            return _going_back(device, report, at_ms)
        case DeviceStage.SETTLED:
            return _settled(device, order, at_ms)


def refused(device: str, order: Order, error: FleetError, at_ms: int) -> Report | None:
    """What an order's failure means; None if nothing follows of the device."""
    match error:
        case NotServed():
            return Undelivered(at_ms, device, order, "it is offline")
        case CallTimedOut():
            return Undelivered(at_ms, device, order, "it does not answer")
        case DeploymentSuperseded():
            return Gone(at_ms, device, f"another deployment came after: {error}")
        case EngineUnavailable() | StorageFull() if order is not Order.DEPLOY:
            return Undelivered(at_ms, device, order, str(error))  # not yet
        case DeploymentUnknown():
            return unknown(device, order, at_ms)
        case _:
            return _declined(device, order, error, at_ms)


def unknown(device: str, order: Order | None, at_ms: int) -> Report | None:
    """The device never heard of a deployment whose order it had taken."""
    match order:
        case Order.DEPLOY | Order.SWITCH:
            return Failed(at_ms, device, "it has forgotten the deployment")
        case Order.REVERT:
            return Reverted(at_ms, device)
        case Order.SETTLE:
            return Delivered(at_ms, device, order)
        case None:
            return None


def _declined(device: str, order: Order, error: FleetError, at_ms: int) -> Report:
    match order:
        case Order.SETTLE:  # there is nothing more that could be done about it
            return Delivered(at_ms, device, order)
        case Order.REVERT:
            return RevertFailed(at_ms, device, str(error))
        case Order.DEPLOY | Order.SWITCH:
            return Failed(at_ms, device, str(error))


def _failed(
    device: str, report: DeviceDeployment, order: Order | None, at_ms: int
) -> Report | None:
    if order is Order.REVERT:
        return None  # told before it had the order, which it answers by itself
    return Failed(at_ms, device, report.detail or NO_REASON)


def _going_back(device: str, report: DeviceDeployment, at_ms: int) -> Report:
    if report.stage is DeviceStage.REVERTED:
        return Reverted(at_ms, device)
    return Delivered(at_ms, device, Order.REVERT)


def _settled(device: str, order: Order | None, at_ms: int) -> Report | None:
    match order:
        case Order.DEPLOY | Order.SWITCH:
            return Activated(at_ms, device)
        case Order.REVERT:
            why = "it has forgotten its former release"
            return RevertFailed(at_ms, device, why)
        case Order.SETTLE | None:
            return None


def _active(device: str, report: DeviceDeployment, at_ms: int) -> Report:
    if report.engine_restarts:
        ended = report.engine_restarts
        times = "once" if ended == 1 else f"{ended} times"
        why = f": {report.detail}" if report.detail else ""
        return Failed(at_ms, device, f"its engine ended {times} and was restarted{why}")
    return Activated(at_ms, device)
