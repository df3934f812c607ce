"""``python -m tests.soak rollouts``: deploy to a bad fleet while backends die.

A stack of ``heddle up`` with more backends beside its own, and a swarm of which some
devices are mute and some flap. Each strategy brings a good release to all, then a bad
one (its check never holds), while backends are killed (-9) at random moments. In the
end what was promised is compared with what the deployments tell, and with what lies on
every device's disk:

- every target has ended within its timeout and one tick of its wave's start;
- a bad release reached no device beyond the wave it was stopped in;
- after a rollback every device runs its former release again.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from edge_agent.swarm.parts import Manner
from heddle.contract.declare import (
    FleetError,
    InternalError,
    StorageUnavailable,
    project_realm,
)
from heddle.contract.deployments import (
    CREATE_DEPLOYMENT,
    DEPLOYMENT_HISTORY,
    GET_DEPLOYMENT,
    CreateDeployment,
    DeploymentDetail,
    DeploymentStatus,
    GetDeployment,
    GetHistory,
    HistoryEntry,
    StrategyConfig,
    StrategyKind,
    TargetStatus,
)
from heddle.contract.fleet import Targets
from heddle.contract.lifecycle import PUBLISH_FLOW, SAVE_FLOW, PublishFlow, SaveFlow
from heddle.local.folder import ADMIN, PROJECT, Folder
from heddle.wamp.joining import Joined, KeyCredentials, Unreachable
from heddle.wamp.keys import load_key
from heddle.wamp.session import CallTimedOut, ConnectionLost, NotServed, Session
from tests.soak.bad_fleet import FLOW, Backends, Swarm
from tests.soak.promises import overdue, spread, standing
from tests.support.stack import EXAMPLE, RunningStack, eventually

T = TypeVar("T")

TIMEOUT_S = {
    StrategyKind.ALL_AT_ONCE: 30,
    StrategyKind.ROLLING: 15,
    StrategyKind.CANARY: 20,
    StrategyKind.BLUE_GREEN: 60,
}
DEVICE_S = 0.06  # what a device adds: one process plays them all
OFFLINE = "it is offline"  # a busy machine cuts even steady ones off now and then
BACK_WITHIN_S = 600  # flapping ones come back for their revert
NEVER = 'temperature > quantity(10000, "°C")'  # what a bad release's check asks for
TERMINAL = frozenset(
    {
        DeploymentStatus.COMPLETED,
        DeploymentStatus.FAILED,
        DeploymentStatus.ROLLED_BACK,
        DeploymentStatus.CANCELLED,
    }
)
OPEN = frozenset({TargetStatus.PENDING, TargetStatus.DEPLOYING, TargetStatus.VERIFYING})
_AGAIN = (
    CallTimedOut,
    ConnectionLost,
    InternalError,
    NotServed,
    StorageUnavailable,
    Unreachable,
)


@dataclass(frozen=True)
class Deployed:
    """One deployment as it ended."""

    strategy: str
    release: str
    status: str
    took_s: float
    counts: dict[str, int]
    detail: str
    flaws: list[str]


@dataclass
class Outcome:
    """How a soak went."""

    seed: int
    devices: int
    mute: int
    flapping: int
    kills: int = 0
    took_s: float = 0.0
    deployments: list[Deployed] = field(default_factory=list)
    ended_early: str = ""  # why

    @property
    def flaws(self) -> list[str]:
        """All that is not as promised."""
        early = [self.ended_early] if self.ended_early else []
        return early + [
            f"{one.strategy}, {one.release} release: {flaw}"
            for one in self.deployments
            for flaw in one.flaws
        ]


class Operator:
    """Who asks again when a backend dies over a question."""

    def __init__(self, reactor: Any, stack: RunningStack) -> None:
        self._reactor = reactor
        self._stack = stack
        self._key = load_key(Folder(stack.data).key(ADMIN))

    async def ask(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do ``work`` in a session; questions carry keys, so asking twice is safe."""
        give_up_at = time.monotonic() + 120
        while True:
            try:
                async with Joined(
                    self._reactor,
                    self._stack.router,
                    project_realm(PROJECT),
                    KeyCredentials(self._key),
                ) as session:
                    return await work(session)
            except _AGAIN:
                if time.monotonic() > give_up_at:
                    raise
                await deferLater(self._reactor, 0.5)

    async def publish(self, number: int) -> int:
        """Publish another version of the flow; returns its number."""
        definition = json.loads(EXAMPLE.read_text())
        elements = {one["id"]: one for one in definition["elements"]}
        elements["eventListener_2"]["durationInMS"] = 1000 + number
        save = SaveFlow(flow=FLOW, definition=definition, revise=True)
        saved = await self.ask(lambda session: session.call(SAVE_FLOW, save))
        publish = PublishFlow(flow=FLOW, version=saved.version)
        release = await self.ask(lambda session: session.call(PUBLISH_FLOW, publish))
        return release.version

    async def detail(self, deployment: str) -> DeploymentDetail:
        """A deployment with all its targets."""
        asked = GetDeployment(deployment=deployment, most=2000)
        return await self.ask(lambda session: session.call(GET_DEPLOYMENT, asked))

    async def history(self, deployment: str) -> list[HistoryEntry]:
        """All that happened in a deployment."""
        found: list[HistoryEntry] = []
        more = True
        while more:
            after = found[-1].number if found else -1
            asked = GetHistory(deployment=deployment, after=after)
            page = await self.ask(
                lambda session, asked=asked: session.call(DEPLOYMENT_HISTORY, asked)  # type: ignore[misc]
            )
            found += page.entries
            more = page.more
        return found


class Soak:
    """One soak."""

    def __init__(
        self, reactor: Any, options: argparse.Namespace, stack: RunningStack
    ) -> None:
        self._reactor = reactor
        self._options = options
        self._chance = random.Random(options.seed)  # noqa: S311 -- no secret
        self.swarm = Swarm(stack, options)
        self._backends = Backends(stack, options.backends - 1, self._chance)
        self._operator = Operator(reactor, stack)
        self.outcome = Outcome(
            options.seed,
            options.devices,
            len(self.swarm.with_manner(Manner.MUTE)),
            len(self.swarm.with_manner(Manner.FLAPPING)),
        )
        self._published = 0
        self._killing = False

    async def run(self) -> None:
        """Every strategy, good and bad."""
        began_s = time.monotonic()
        with self.swarm.playing():
            try:
                await self._deploy(StrategyKind.ALL_AT_ONCE, is_good=True)
                self._killing = True
                killer = Deferred.fromCoroutine(self._kill())
                for strategy in self._options.strategy or StrategyKind:
                    await self._deploy(strategy, is_good=True)
                    await self._deploy(strategy, is_good=False)
                self._killing = False
                await killer
            finally:
                self._backends.end()
        self.outcome.kills = self._backends.kills
        self.outcome.took_s = round(time.monotonic() - began_s, 1)

    async def _kill(self) -> None:
        while self._killing and self._backends.kills < self._options.kills:
            pause_s = self._chance.expovariate(1 / self._options.pause)
            await deferLater(self._reactor, min(pause_s, 3 * self._options.pause))
            self._backends.kill_one()

    async def _deploy(self, strategy: StrategyKind, *, is_good: bool) -> None:
        self._published += 1
        before = {d: self.swarm.installed(d) for d in self.swarm.parts}
        version = await self._operator.publish(self._published)
        began_s = time.monotonic()
        detail = await self._ended(await self._created(strategy, version, is_good))
        took_s = time.monotonic() - began_s
        history = await self._operator.history(detail.report.deployment)
        flaws = list(overdue(detail, history, self._timeout_s(strategy)))
        if is_good:
            flaws += await self._not_deployed(detail, version)
        else:
            flaws += spread(detail, history)
            flaws += await self._not_reverted(detail, before, version)
        report = detail.report
        self.outcome.deployments.append(
            Deployed(
                strategy=strategy.value,
                release="good" if is_good else "bad",
                status=report.status.value,
                took_s=round(took_s, 1),
                counts=report.counts,
                detail=report.detail,
                flaws=flaws,
            )
        )
        print(json.dumps(asdict(self.outcome.deployments[-1])), file=sys.stderr)

    def _timeout_s(self, strategy: StrategyKind) -> int:
        return TIMEOUT_S[strategy] + int(DEVICE_S * self._options.devices)

    async def _created(
        self, strategy: StrategyKind, version: int, is_good: bool
    ) -> str:
        size = max(1, self._options.devices // 10)
        config = StrategyConfig(
            batch_size=size,
            batch_delay="1s",
            canary_delay="2s",
            switch_delay="2s",
            timeout=self._timeout_s(strategy) * 1000,
            watch="2s",
            revert_timeout="10s",
            failure_threshold=70.0 if is_good else 40.0,
            check="" if is_good else NEVER,
        )
        if strategy is StrategyKind.CANARY and is_good:
            config = StrategyConfig(
                canary_percentage=1,
                canary_delay="2s",
                timeout=self._timeout_s(strategy) * 1000,
                watch="2s",
                revert_timeout="10s",
                failure_threshold=70.0,
            )
        order = sorted(self.swarm.parts)
        if strategy is StrategyKind.CANARY and is_good:  # one mute canary stops it
            steady = self.swarm.with_manner(Manner.STEADY)
            order.sort(key=lambda device: device not in steady)
        request = CreateDeployment(
            flow=FLOW,
            version=version,
            strategy=strategy,
            targets=Targets(devices=tuple(order)),
            config=config,
            start=True,
            key=f"soak_{self._published}",
        )
        made = await self._operator.ask(
            lambda session: session.call(CREATE_DEPLOYMENT, request)
        )
        return made.deployment

    async def _ended(self, deployment: str) -> DeploymentDetail:
        give_up_at = time.monotonic() + 1800
        while True:
            detail = await self._operator.detail(deployment)
            if detail.report.status in TERMINAL:
                return detail
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"{deployment} does not end: {detail.report}")
            await deferLater(self._reactor, 1.0)

    async def _not_deployed(self, detail: DeploymentDetail, version: int) -> list[str]:
        succeeded = standing(detail, TargetStatus.SUCCESS)
        flaws = [
            f"{device} is told to have version {version}, but has "
            f"{self.swarm.installed(device)}"
            for device in sorted(succeeded)
            if self.swarm.installed(device) != version
        ]
        away = {one.device for one in detail.targets if one.detail.endswith(OFFLINE)}
        missing = self.swarm.with_manner(Manner.STEADY) - succeeded - away
        if detail.report.status is DeploymentStatus.COMPLETED and missing:
            flaws.append(f"{len(missing)} steady devices did not get it: {missing}")
        return flaws

    async def _not_reverted(
        self, detail: DeploymentDetail, before: dict[str, int | None], bad: int
    ) -> list[str]:
        flaws = []
        if detail.report.status is not DeploymentStatus.ROLLED_BACK:
            flaws.append(f"it ended as {detail.report.status}: {detail.report.detail}")
        left = set(before)
        give_up_at = time.monotonic() + BACK_WITHIN_S
        while left and time.monotonic() < give_up_at:
            left = {d for d in left if self.swarm.installed(d) == bad}
            await deferLater(self._reactor, 1.0)
        flaws += [
            f"{device} ({self.swarm.parts[device].manner}) still has version {bad}"
            for device in sorted(left)
        ]
        return flaws


def main(arguments: list[str]) -> int:
    """The exit code: 1 if a promise was broken."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="heddle-soak-") as folder:
        stack = RunningStack(Path(folder) / "data", "--runtime", "process")
        stack.module = "tests.soak.up"
        stack.start()
        eventually(lambda: stack.child("services.backend"), "a backend")
        try:
            outcome = _soaked(options, stack)
        finally:
            stack.stop()
    for flaw in outcome.flaws:
        print(flaw, file=sys.stderr)
    print(json.dumps({"soak": "rollouts", **asdict(outcome)}))
    return 1 if outcome.flaws or not outcome.deployments else 0


def _soaked(options: argparse.Namespace, stack: RunningStack) -> Outcome:
    outcomes: list[Outcome] = []

    async def soak(reactor: Any) -> None:
        made = Soak(reactor, options, stack)
        outcomes.append(made.outcome)
        try:
            await made.run()
        except (FleetError, RuntimeError) as error:
            made.outcome.ended_early = str(error)
            print(stack.logs(), file=sys.stderr)

    with suppress(SystemExit):  # how ``react`` ends
        task.react(lambda reactor: Deferred.fromCoroutine(soak(reactor)))
    return outcomes[0]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak rollouts")
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--mute", type=int, default=30, help="percent")
    parser.add_argument("--flapping", type=int, default=10, help="percent")
    parser.add_argument("--backends", type=int, default=3)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--pause", type=float, default=8.0, help="mean, in s")
    parser.add_argument(
        "--strategy", type=StrategyKind, action="append", help="all of them otherwise"
    )
    seed = random.randrange(1_000_000)  # noqa: S311 -- no secret
    parser.add_argument("--seed", type=int, default=seed)
    return parser.parse_args(arguments)
