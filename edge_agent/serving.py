"""The device's procedures, registered anew at every join, all at once.

One after the other they would take a round trip each: seconds on a slow link, and with
very many devices at the door the most of what a join takes.
"""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults

from edge_agent.alarms import Alarms
from edge_agent.deployments.deployments import Deployments
from edge_agent.flows import Flows
from edge_agent.runs import Runs
from heddle.contract.alarm_procedures import ORDER_ALARMS
from heddle.contract.alarms import AlarmOrder, AlarmsMoved
from heddle.contract.device_deployments import (
    DEPLOY_RELEASE,
    DEPLOYMENT_STATUS,
    REVERT_RELEASE,
    SETTLE_RELEASE,
    SWITCH_RELEASE,
)
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
    session: Session,
    device: str,
    flows: Flows,
    runs: Runs,
    alarms: Alarms,
    deployments: Deployments,
) -> None:
    """Serve ``run.*``, ``flow.*``, ``deployment.*`` and ``alarm.*`` of this device
    until the session ends.
    """

    async def install(request: InstallFlow, _: Caller) -> InstalledFlow:
        return await flows.install(request)

    async def remove(request: RemoveFlow, _: Caller) -> Removed:
        return await flows.remove(request)

    async def list_installed(_: ListInstalled, __: Caller) -> InstalledFlows:
        return flows.list()

    async def order(request: AlarmOrder, _: Caller) -> AlarmsMoved:
        return await alarms.order(request)

    await together(
        session.serve(START_RUN, runs.start, device=device),
        session.serve(PAUSE_RUN, runs.pause, device=device),
        session.serve(RESUME_RUN, runs.resume, device=device),
        session.serve(STOP_RUN, runs.stop, device=device),
        session.serve(APPROVE_RUN, runs.approve, device=device),
        session.serve(TRIGGER_LISTENER, runs.trigger, device=device),
        session.serve(RUN_STATUS, runs.status, device=device),
        session.serve(INSTALL_FLOW, install, device=device),
        session.serve(REMOVE_FLOW, remove, device=device),
        session.serve(LIST_INSTALLED, list_installed, device=device),
        session.serve(DEPLOY_RELEASE, deployments.deploy, device=device),
        session.serve(SWITCH_RELEASE, deployments.switch, device=device),
        session.serve(REVERT_RELEASE, deployments.revert, device=device),
        session.serve(SETTLE_RELEASE, deployments.settle, device=device),
        session.serve(DEPLOYMENT_STATUS, deployments.status, device=device),
        session.serve(ORDER_ALARMS, order, device=device),
    )


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Do all of it side by side; the first that fails is raised, the others end."""
    under_way = [Deferred.fromCoroutine(each) for each in work]
    try:
        await gatherResults(under_way, consumeErrors=True)
    except FirstError as first:
        error: Any = first.subFailure.value
        raise error from None
    finally:
        for each in under_way:
            each.cancel()
