"""A release to a thousand devices at once: what it takes until all of them run it.

As in ``fanout``, against as many bare calls to the same agents in the same run, which
pause and resume a run on each. The deployment is all at once and believes a device as
soon as the release is active. ``$FANOUT_DEVICES`` makes it smaller.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from heddle.contract.declare import project_realm
from heddle.contract.deployments import (
    CREATE_DEPLOYMENT,
    GET_DEPLOYMENT,
    CreateDeployment,
    DeploymentReport,
    GetDeployment,
    StrategyConfig,
)
from heddle.contract.fleet import Targets
from heddle.contract.lifecycle import PUBLISH_FLOW, SAVE_FLOW, PublishFlow, SaveFlow
from heddle.contract.runs import PAUSE_RUN, RESUME_RUN
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session
from tests.bench.fanout import (
    DEVICES,
    FLOW,
    bare_calls,
    by_itself,
    percentile,
    swarm_devices,
    swarms,
)
from tests.bench.harness import figure
from tests.support.stack import RunningStack, unhurried_flow

ROUNDS = 5
LOOK_EVERY_S = 0.1


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        stack = RunningStack(Path(folder) / "data", "--runtime", "process")
        stack.start()
        try:
            with swarms(stack, DEVICES):
                by_itself(lambda reactor: _deployments(reactor, stack))
        finally:
            stack.stop()


async def _deployments(reactor: Any, stack: RunningStack) -> None:
    owner = KeyCredentials(load_key(stack.data / "keys/admin.key"))
    realm = project_realm("default")
    file = unhurried_flow(stack.data.parent / f"{FLOW}.json")
    definition = json.loads(file.read_text())
    async with Joined(reactor, stack.router, realm, owner) as session:
        devices = await swarm_devices(session)
        whole, bare = [], []
        for number in range(ROUNDS + 1):
            version = {**definition, "version": str(number + 1)}
            request = SaveFlow(flow=FLOW, definition=version, revise=True)
            await session.call(SAVE_FLOW, request)
            await session.call(PUBLISH_FLOW, PublishFlow(flow=FLOW))
            took_s = await _deployed(reactor, session, devices, start_run=not number)
            if number:  # the first has engines to make
                whole.append(took_s)
            bare.append(await bare_calls(session, devices, PAUSE_RUN))
            bare.append(await bare_calls(session, devices, RESUME_RUN))
    figure(
        "fanout",
        "deploy_1000_vs_bare_calls",
        round(percentile(whole, 50), 2),
        "s",
        round(percentile(whole, 50) / percentile(bare, 50), 2),
        "as many bare calls at once to the same agents; medians",
    )
    figure("fanout", "load_average", round(os.getloadavg()[0], 1), "1 min")


async def _deployed(
    reactor: Any, session: Session, devices: tuple[str, ...], *, start_run: bool
) -> float:
    """How long until every device runs the newest release, s."""
    began_s = time.perf_counter()
    request = CreateDeployment(
        flow=FLOW,
        targets=Targets(devices=devices),
        config=StrategyConfig(health_check=False),
        start_run=start_run,
        start=True,
    )
    made: DeploymentReport = await session.call(
        CREATE_DEPLOYMENT, request, timeout_s=90
    )
    asked = GetDeployment(deployment=made.deployment, most=1)
    while True:
        report = (await session.call(GET_DEPLOYMENT, asked, timeout_s=90)).report
        if report.ended_at_ms is not None:
            break
        await deferLater(reactor, LOOK_EVERY_S)
    took_s = time.perf_counter() - began_s
    if report.counts["success"] != len(devices):
        raise RuntimeError(f"{report.status}, {report.counts}: {report.detail}")
    return took_s
