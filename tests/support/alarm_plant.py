"""A project's database with alarms judged in it, at a time one can set."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from heddle.alarms.inputs import Changed
from heddle.contract.alarms import (
    AlarmAction,
    AlarmKind,
    AlarmOrder,
    AlarmRule,
    AlarmTransition,
)
from heddle.contract.samples import Ingest, Stream
from services.fleetdata.alarms.judging import Judge
from services.fleetdata.alarms.rules import set_rules
from services.fleetdata.batches import check
from services.fleetdata.store import alarms as store
from services.fleetdata.store.alarm_journal import process_journal
from services.fleetdata.store.links import Link
from services.fleetdata.store.writing import write
from tests.support.batches import now_s, samples
from tests.support.databases import Server
from tests.support.storage import storage_on

NOW_S = now_s()
NOW_US = int(NOW_S * 1e6)
SECOND_US = 1_000_000


class Plant:
    """A project's database and its judge, at a time one can set."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.now_s = NOW_S
        self.judge = self.fresh_judge()
        self.numbers = dict.fromkeys(Stream, 0)

    def fresh_judge(self) -> Judge:
        """As after a restart."""
        return Judge(lambda: self.now_s)

    def restart(self) -> None:
        self.judge = self.fresh_judge()

    def rules(self, *rules: AlarmRule) -> None:
        change = Changed(int(self.now_s * 1e6), "ann", "as agreed")
        self.link.perform(set_rules, self.judge, rules, change)

    def put(
        self,
        *rows: tuple[str, float, float, int],
        device: str = "press",
        clock_us: int | None = None,
    ) -> None:
        batch = samples(self.numbers[Stream.SAMPLES], rows)
        self.numbers[Stream.SAMPLES] += len(rows)
        self.write(replace(batch, clock_us=clock_us), device)

    def report(self, *told: AlarmTransition) -> None:
        first = self.numbers[Stream.ALARMS]
        self.numbers[Stream.ALARMS] += len(told)
        self.write(Ingest(stream=Stream.ALARMS, epoch="e", first=first, alarms=told))

    def write(self, batch: Ingest, device: str = "press") -> None:
        checked = [check(device, batch, NOW_US)]
        self.link.perform(write, checked, 0, self.judge.judging)

    def order(self, action: AlarmAction, *alarms: str, **more: Any) -> list[Any]:
        order = AlarmOrder(action=action, who="ann", alarms=alarms or None, **more)
        return self.link.perform(self.judge.order, "press", order)

    def journal(self) -> list[tuple[str, str, str]]:
        found = self.link.perform(process_journal, 0, 2**52, None, 10_000)
        return [
            (x.transition.alarm, x.transition.cause, x.transition.after) for x in found
        ]

    def standing(self) -> dict[str, str]:
        states = self.link.perform(store.states, None, standing=True)
        return {x.alarm: x.state for x in states}


@pytest.fixture(scope="module")
def project(embedded_server: Server) -> Iterator[Link]:
    """One database for all tests: to make one takes longer than they do."""
    with storage_on(embedded_server) as storage:
        yield storage.link()


@pytest.fixture
def plant(project: Link) -> Plant:
    project.perform(forget)
    return Plant(project)


def forget(link: Link) -> None:
    link.connection.execute(
        """
        truncate alarm_rule, alarm_state, alarm_bank, alarm_transition, stream, tag,
                 sample, current_value
        """
    )
    link.forget()


def hot(**fields: Any) -> AlarmRule:
    usual = AlarmRule(
        device="press", alarm="hot", tag="temp", kind=AlarmKind.HI, limit=80.0
    )
    return replace(usual, **fields)


def at(seconds: float, value: float, quality: int = 0) -> tuple[str, float, float, int]:
    return ("temp", NOW_S - 1000 + seconds, value, quality)


def edge(
    alarm: str, cause: str, before: str, after: str, **more: Any
) -> AlarmTransition:
    return AlarmTransition(
        alarm=alarm,
        tag="temp",
        at_us=NOW_US,
        cause=cause,
        before=before,
        after=after,
        severity=700,
        **more,
    )
