"""Deployments that go on while things go wrong: a good release, then a bad one, again.

A bad release's check never holds. Whatever happens to backends, routers, databases and
devices meanwhile, every target ends in its time, a bad release gets no further than
its wave, and nobody has it in the end.
"""

import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.task import deferLater

from heddle.contract.deployments import (
    CREATE_DEPLOYMENT,
    CreateDeployment,
    DeploymentDetail,
    DeploymentStatus,
    HistoryEntry,
    StrategyConfig,
    StrategyKind,
    TargetStatus,
)
from heddle.contract.fleet import Targets
from tests.chaos.fleet import Fleet
from tests.chaos.happened import Happened
from tests.chaos.people import Person
from tests.chaos.plan import WORKING
from tests.soak.bad_fleet import FLOW
from tests.soak.promises import TICK_S, overdue, spread, standing
from tests.soak.rollouts import NEVER, TERMINAL

TIMEOUT_S = 45
ENDS_WITHIN_S = 300.0  # when nothing goes wrong any more
BACK_S = 20.0  # what the centre may need to be itself again after a fault
_PAUSE_S = 3.0


@dataclass(frozen=True, slots=True)
class Deployed:
    """One deployment as it ended."""

    deployment: str
    strategy: str
    release: str
    version: int
    status: str
    counts: dict[str, int]
    detail: str
    took_s: float


@dataclass(slots=True)
class _Ended:
    detail: DeploymentDetail
    history: list[HistoryEntry]
    is_good: bool
    told: Deployed = field(init=False)


class Releases:
    """One deployment after the other."""

    def __init__(
        self, person: Person, fleet: Fleet, happened: Happened, seed: int
    ) -> None:
        self._person = person
        self._fleet = fleet
        self._happened = happened
        self._chance = random.Random(f"releases of {seed}")  # noqa: S311
        self._goes_on = True
        self._number = 0
        self._ended: list[_Ended] = []
        self._unsettled_since: float | None = None

    @property
    def told(self) -> list[Deployed]:
        """All that have ended."""
        return [one.told for one in self._ended]

    async def first(self) -> None:
        """Something to go back to."""
        await self._deploy(StrategyKind.ALL_AT_ONCE, is_good=True)

    async def keep_deploying(self) -> None:
        """Until ``stop``; the last one ends, too."""
        while self._goes_on:
            strategy = self._chance.choice(list(StrategyKind))
            await self._deploy(strategy, is_good=self._number % 2 == 0)
            await deferLater(self._person.reactor, _PAUSE_S)

    def stop(self) -> None:
        """No more; nothing goes wrong any more."""
        self._goes_on = False

    async def judge(self) -> None:
        """Compare what was promised with what happened, and what lies on disks."""
        for one in self._ended:
            self._judge_time(one)
        await self._judge_disks()

    async def _deploy(self, strategy: StrategyKind, *, is_good: bool) -> None:
        self._number += 1
        version = await self._person.publish(self._number)
        began_s = time.monotonic()
        request = _request(strategy, version, self._number, is_good=is_good)
        made = await self._person.ask(lambda s: s.call(CREATE_DEPLOYMENT, request))
        detail = await self._over(made.deployment)
        if detail is None:
            return
        one = _Ended(detail, await self._person.history(made.deployment), is_good)
        one.told = Deployed(
            deployment=made.deployment,
            strategy=strategy.value,
            release="good" if is_good else "bad",
            version=version,
            status=detail.report.status.value,
            counts=detail.report.counts,
            detail=detail.report.detail,
            took_s=round(time.monotonic() - began_s, 1),
        )
        self._ended.append(one)
        if is_good:
            self._judge_success(one)

    async def _over(self, deployment: str) -> DeploymentDetail | None:
        give_up_at = None
        while True:
            detail = await self._person.detail(deployment)
            if detail.report.status in TERMINAL:
                return detail
            if not self._goes_on:
                give_up_at = give_up_at or time.monotonic() + ENDS_WITHIN_S
                if time.monotonic() > give_up_at:
                    self._happened.flaw(
                        f"{deployment} is stuck: {detail.report}", time.time()
                    )
                    return None
            await deferLater(self._person.reactor, 1.0)

    def _judge_success(self, one: _Ended) -> None:
        """Who is told to have a release has it, when all is said and done."""
        if one.detail.report.status is not DeploymentStatus.COMPLETED:
            return
        for device in sorted(standing(one.detail, TargetStatus.SUCCESS)):
            there = self._installed(device)
            if there != one.told.version:
                self._flaw(
                    one,
                    f"{device} is told to have version {one.told.version}, and has"
                    f" {there}",
                )

    def _judge_time(self, one: _Ended) -> None:
        since = (one.detail.report.started_at_ms or 0) / 1000
        until = (one.detail.report.ended_at_ms or 0) / 1000
        away_s = self._happened.without_centre_s(since, until, BACK_S)
        for flaw in overdue(one.detail, one.history, TIMEOUT_S, TICK_S + away_s):
            self._flaw(one, flaw)
        if not one.is_good:
            if one.detail.report.status is DeploymentStatus.COMPLETED:
                self._flaw(one, "its check never holds, and it was completed")
            for flaw in spread(one.detail, one.history):
                self._flaw(one, flaw)

    async def _judge_disks(self) -> None:
        """After a rollback nobody has the bad release, once all could be told."""
        bad = {one.told.version: one for one in self._ended if not one.is_good}
        give_up_at = time.monotonic() + ENDS_WITHIN_S
        while True:
            left = {
                device: version
                for device in WORKING
                if (version := self._installed(device)) in bad
            }
            if not left or time.monotonic() > give_up_at:
                break
            await deferLater(self._person.reactor, 1.0)
        for device, version in left.items():
            assert version is not None
            self._flaw(bad[version], f"{device} still has the bad version {version}")

    def _installed(self, device: str) -> int | None:
        file = self._fleet.device(device) / "wanted" / f"{FLOW}.json"
        try:
            version: int = json.loads(file.read_bytes())["version"]
        except (FileNotFoundError, ValueError):
            return None
        return version

    def _flaw(self, one: _Ended, what: str) -> None:
        told = one.told
        self._happened.flaw(
            f"{told.deployment} ({told.strategy}, {told.release}): {what}",
            (one.detail.report.ended_at_ms or 0) / 1000,
        )


def _request(
    strategy: StrategyKind, version: int, number: int, *, is_good: bool
) -> CreateDeployment:
    config: dict[str, Any] = {
        "batch_size": 1,
        "batch_delay": "1s",
        "canary_delay": "1s",
        "switch_delay": "1s",
    }
    return CreateDeployment(
        flow=FLOW,
        version=version,
        strategy=strategy,
        targets=Targets(devices=WORKING),
        config=StrategyConfig(
            **config,
            timeout=TIMEOUT_S * 1000,
            watch="2s",
            revert_timeout="20s",
            failure_threshold=70.0 if is_good else 30.0,
            check="" if is_good else NEVER,
        ),
        start=True,
        key=f"chaos_{number}",
    )
