"""The device's procedures, registered anew at every join."""

from edge_agent.alarms import Alarms
from edge_agent.flows import Flows
from edge_agent.runs import Runs
from heddle.contract.alarms import ORDER_ALARMS, AlarmOrder, AlarmsMoved
from heddle.contract.flows import (
    INSTALL_FLOW,
    LIST_INSTALLED,
    REMOVE_FLOW,
    InstalledFlow,
    InstalledFlows,
    InstallFlow,
    ListInstalled,
    Removed,
    RemoveFlow,
)
from heddle.contract.runs import (
    APPROVE_RUN,
    PAUSE_RUN,
    RESUME_RUN,
    RUN_STATUS,
    START_RUN,
    STOP_RUN,
    TRIGGER_LISTENER,
)
from heddle.wamp.session import Caller, Session


async def serve_device(
    session: Session, device: str, flows: Flows, runs: Runs, alarms: Alarms
) -> None:
    """Serve ``run.*``, ``flow.*`` and ``alarm.*`` of this device until the session
    ends.
    """

    async def install(request: InstallFlow, _: Caller) -> InstalledFlow:
        return await flows.install(request)

    async def remove(request: RemoveFlow, _: Caller) -> Removed:
        return await flows.remove(request)

    async def list_installed(_: ListInstalled, __: Caller) -> InstalledFlows:
        return flows.list()

    async def order(request: AlarmOrder, _: Caller) -> AlarmsMoved:
        return await alarms.order(request)

    await session.serve(START_RUN, runs.start, device=device)
    await session.serve(PAUSE_RUN, runs.pause, device=device)
    await session.serve(RESUME_RUN, runs.resume, device=device)
    await session.serve(STOP_RUN, runs.stop, device=device)
    await session.serve(APPROVE_RUN, runs.approve, device=device)
    await session.serve(TRIGGER_LISTENER, runs.trigger, device=device)
    await session.serve(RUN_STATUS, runs.status, device=device)
    await session.serve(INSTALL_FLOW, install, device=device)
    await session.serve(REMOVE_FLOW, remove, device=device)
    await session.serve(LIST_INSTALLED, list_installed, device=device)
    await session.serve(ORDER_ALARMS, order, device=device)
