"""A thousand devices at once: a release to all of them, and one word to all of them.

The devices are the agents of two swarms, each with a session of its own and an active
run in an engine of its own, against a stack of `heddle up`; all in one machine. The
bare calls pause and resume the same runs, a thousand at once, from the caller itself to
each agent. The deployment is all at once and believes a device as soon as the release
is active. ``$FANOUT_DEVICES`` makes it smaller.

Agents gather the events of their runs for a second before they send them. So what was
done a moment ago still costs: things are measured back to back, each with the former
one's events, and from rest, when all events are stored.
"""

import itertools
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from heddle.contract.declare import Procedure, project_realm
from heddle.contract.deployments import (
    CREATE_DEPLOYMENT,
    GET_DEPLOYMENT,
    CreateDeployment,
    DeploymentReport,
    GetDeployment,
    StrategyConfig,
)
from heddle.contract.devices import LIST_DEVICES, ListDevices
from heddle.contract.fleet import (
    COMMAND_FLEET,
    FleetCommand,
    FleetVerb,
    Targets,
)
from heddle.contract.lifecycle import PUBLISH_FLOW, SAVE_FLOW, PublishFlow, SaveFlow
from heddle.contract.runs import PAUSE_RUN, RESUME_RUN, RunRef, RunReport
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session
from tests.bench.harness import figure
from tests.support.programs import swarm
from tests.support.stack import RunningStack, unhurried_flow

DEVICES = int(os.environ.get("FANOUT_DEVICES", "1000"))
ROUNDS = 52  # of a pause and a resume, from rest: a p99 needs more than 100
ROUNDS_BACK_TO_BACK = 8
BARE_EVERY = 4  # rounds
PERCENT = 100
REST_S = 3.0  # agents gather events for 1 s, and then send them
SETTLE_S = 20.0  # after deployments: engines are put away, runs of theirs are told of
FLOW = "bench"
DEPLOYMENTS = 5
LOOK_EVERY_S = 0.1


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        stack = RunningStack(Path(folder) / "data", "--runtime", "process")
        stack.start()
        try:
            with _swarms(stack, DEVICES):
                _by_itself(lambda reactor: _all(reactor, stack))
        finally:
            stack.stop()


def _by_itself(work: Callable[[Any], Awaitable[None]]) -> None:
    """Do ``work(reactor)``; a flaw ends the bench."""
    try:
        task.react(lambda reactor: Deferred.fromCoroutine(work(reactor)))  # type: ignore[arg-type]
    except SystemExit as ended:
        if ended.code:
            raise


@contextmanager
def _swarms(stack: RunningStack, devices: int) -> Iterator[None]:
    """So many devices online, in two processes, until the ``with`` ends."""
    with ExitStack() as both:
        for seed, share in ((1, devices - devices // 2), (2, devices // 2)):
            both.enter_context(swarm(stack, share, seed=seed, scan="60s"))
        yield


async def _all(reactor: Any, stack: RunningStack) -> None:
    owner = KeyCredentials(load_key(stack.data / "keys/admin.key"))
    realm = project_realm("default")
    async with Joined(reactor, stack.router, realm, owner) as session:
        devices = await _swarm_devices(session)
        await _deployments(reactor, session, devices, stack.data.parent)
        await deferLater(reactor, SETTLE_S)
        await _commands(reactor, session, devices)
    figure("fanout", "load_average", round(os.getloadavg()[0], 1), "1 min")


async def _deployments(
    reactor: Any, session: Session, devices: tuple[str, ...], folder: Path
) -> None:
    file = unhurried_flow(folder / f"{FLOW}.json")
    definition = json.loads(file.read_text())
    versions = itertools.count(1)

    async def deployed(*, start_run: bool = False) -> float:
        version = {**definition, "version": str(next(versions))}
        request = SaveFlow(flow=FLOW, definition=version, revise=True)
        await session.call(SAVE_FLOW, request)
        await session.call(PUBLISH_FLOW, PublishFlow(flow=FLOW))
        return await _deployed(reactor, session, devices, start_run=start_run)

    await deployed(start_run=True)  # not measured: there are engines to make
    for name, rest_s in (("vs_bare_calls", 0.0), ("from_rest_vs_bare_calls", REST_S)):
        whole, bare = [], []
        for _ in range(DEPLOYMENTS):
            await deferLater(reactor, rest_s)
            whole.append(await deployed())
            for procedure in (PAUSE_RUN, RESUME_RUN):
                await deferLater(reactor, rest_s)
                bare.append(await _bare_calls(session, devices, procedure))
        figure(
            "fanout",
            f"deploy_{DEVICES}_{name}",
            round(percentile(whole, 50), 2),
            "s",
            round(percentile(whole, 50) / percentile(bare, 50), 2),
            "as many bare calls at once to the same agents; medians",
        )


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


async def _swarm_devices(session: Session) -> tuple[str, ...]:
    """The swarm's own, once all are online."""
    while True:
        found = await session.call(
            LIST_DEVICES, ListDevices(search="swarm", online=True)
        )
        if len(found.devices) == DEVICES:
            return tuple(one.device for one in found.devices)


async def _commands(reactor: Any, session: Session, devices: tuple[str, ...]) -> None:
    for kind, rounds, rest_s in (
        ("", ROUNDS, REST_S),
        ("_back_to_back", ROUNDS_BACK_TO_BACK, 0.0),
    ):
        whole, bare = [], []
        for number in range(rounds):
            for verb in (FleetVerb.PAUSE, FleetVerb.RESUME):
                await deferLater(reactor, rest_s)
                whole.append(await _command(session, devices, verb))
            for procedure in () if number % BARE_EVERY else (PAUSE_RUN, RESUME_RUN):
                await deferLater(reactor, rest_s)
                bare.append(await _bare_calls(session, devices, procedure))
        figure(
            "fanout",
            f"fleet_command_{DEVICES}{kind}_p50_ms",
            _ms(percentile(whole, 50)),
            "ms",
            round(percentile(whole, 50) / percentile(bare, 50), 2),
            "as many bare calls at once to the same agents; medians",
        )
        figure(
            "fanout",
            f"bare_calls_{DEVICES}{kind}_p50_ms",
            _ms(percentile(bare, 50)),
            "ms",
        )
        if len(whole) > PERCENT:
            name = f"fleet_command_{DEVICES}{kind}_p99_ms"
            figure("fanout", name, _ms(percentile(whole, 99)), "ms")
        name = f"fleet_command_{DEVICES}{kind}_worst_ms"
        figure("fanout", name, _ms(max(whole)), "ms")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


async def _command(
    session: Session, devices: tuple[str, ...], verb: FleetVerb
) -> float:
    """How long it took, s; all must have done it."""
    request = FleetCommand(
        verb=verb, flow=FLOW, targets=Targets(devices=devices), within_ms=60_000
    )
    began = time.perf_counter()
    results = await session.call(COMMAND_FLEET, request, timeout_s=90)
    took_s = time.perf_counter() - began
    if results.counts["done"] != len(devices):
        raise RuntimeError(f"{verb}: {results.counts}")
    return took_s


async def _bare_calls(
    session: Session,
    devices: tuple[str, ...],
    procedure: Procedure[RunRef, RunReport],
) -> float:
    """How long a call to each of them takes, all at once, s."""
    began = time.perf_counter()
    calls = [
        Deferred.fromCoroutine(
            session.call(procedure, RunRef(flow=FLOW), timeout_s=90, device=device)
        )
        for device in devices
    ]
    await gatherResults(calls)
    return time.perf_counter() - began


def percentile(found: list[float], percent: float) -> float:
    """Of so many, the nearest one."""
    return sorted(found)[min(len(found) - 1, int(len(found) * percent / PERCENT))]
