"""Compares what devices produced with what the centre holds, when all has settled.

- Each stream of each device, row by row: stored once, or told as lost (``soak.audit``).
- Each run: its events at the centre are numbered from 0 without a gap, end with an end,
  and are those of its engine's journal, which is read with the engine's own code.
- Who was started is there.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from edge_agent.engine.flows import load_flows, read_flow
from edge_agent.engine.journal import open_journal
from edge_agent.engine.protocol import FLOW_NAME, JOURNAL_NAME
from edge_agent.engine.records import event_id
from edge_agent.engine.roster import Roster
from heddle.contract.runs import RunReport, WorkflowEvent
from heddle.contract.samples import Stream
from tests.chaos.fleet import TIME_SCALE, Fleet
from tests.chaos.happened import Happened
from tests.chaos.plan import DEVICES
from tests.soak.audit import Verdict, judge
from tests.soak.plays import ENDS
from tests.soak.settling import drain, dsn, without_agent

Events = dict[int, WorkflowEvent]


@dataclass(frozen=True, slots=True)
class Audited:
    """The figures."""

    streams: list[Verdict]
    runs: int
    events: int
    journalled: int  # runs that journals still held


class Auditor:
    """``audit`` ends the agents, delivers what is left, and compares."""

    def __init__(
        self,
        fleet: Fleet,
        happened: Happened,
        started: dict[str, list[str]],
        reports: dict[str, tuple[RunReport, ...]],
    ) -> None:
        self._fleet = fleet
        self._happened = happened
        self._started = started
        self._reports = reports
        self._journalled = 0

    def audit(self) -> Audited:
        """Blocks for some seconds."""
        stack = self._fleet.stack
        for agent in self._fleet.agents.values():
            agent.end()
        with without_agent(stack):
            for device in DEVICES:
                drain(self._fleet.device(device), stack.router)
            verdicts = [
                verdict
                for device in DEVICES
                for verdict in judge(device, self._fleet.device(device), dsn(stack))
            ]
            for one in verdicts:
                self._judge_stream(one)
            with psycopg.connect(dsn(stack)) as centre:
                runs = {device: _runs(centre, device) for device in DEVICES}
        for device, found in runs.items():
            self._judge_runs(device, found, _lost_events(verdicts, device))
        return Audited(
            verdicts,
            sum(len(found) for found in runs.values()),
            sum(len(told) for found in runs.values() for told in found.values()),
            self._journalled,
        )

    def _judge_stream(self, one: Verdict) -> None:
        for flaw in one.flaws:
            self._happened.flaw(f"{one.device} {one.stream}: {flaw}", one.flaw_at_s)
        if one.checksum_produced != one.checksum_stored:
            self._happened.flaw(
                f"{one.device} {one.stream}: checksums differ", one.flaw_at_s
            )

    def _judge_runs(self, device: str, runs: dict[str, Events], lost: int) -> None:
        """``lost`` events were told as lost: so many gaps are explained."""
        missing = 0
        for run, told in runs.items():
            missing += len(set(range(max(told, default=0) + 1)) - set(told))
            for sentence in _flaws(run, told):
                at = max((one.createdAt for one in told.values()), default=0) / 1000
                self._happened.flaw(f"{run} of {device}: {sentence}", at)
        if missing > lost:
            self._happened.flaw(
                f"{device}: {missing} events are missing within its runs, {lost} told"
            )
        for run in self._started[device]:
            if run not in runs and not lost:
                self._happened.flaw(f"{run} of {device} was started, and is unknown")
        for sentence in (
            *_reported(self._reports.get(device, ()), runs, lost),
            *self._differences(device, runs, lost),
        ):
            self._happened.flaw(f"{device}: {sentence}")

    def _differences(
        self, device: str, runs: dict[str, Events], lost: int
    ) -> Iterator[str]:
        """Between the journals of a device's engines and the centre."""
        for file in sorted(self._fleet.device(device).glob(f"flows/*/{JOURNAL_NAME}")):
            for run, total, events in _journal(file):
                self._journalled += 1
                there = runs.get(run, {})
                if len(there) != total and not lost:
                    yield f"{run} told {total} events, {len(there)} are stored"
                for event in events:
                    if there.get(event.number, event) != event:
                        yield f"{run}: event {event.number} is stored as another"


def _lost_events(verdicts: Iterable[Verdict], device: str) -> int:
    return sum(
        one.lost
        for one in verdicts
        if (one.device, one.stream) == (device, Stream.RUN_EVENTS)
    )


def _flaws(run: str, told: Events) -> Iterator[str]:
    if any(one.id != event_id(run, number) for number, one in told.items()):
        yield "ids are not made of the run and the number"
    ends = [number for number, one in told.items() if one.type in ENDS]
    if ends != [max(told, default=-1)]:
        last = told[max(told)].type if told else "nothing"
        yield f"it ends with {last}, and its ends are {ends}"


def _reported(
    reports: Iterable[RunReport], runs: dict[str, Events], lost: int
) -> Iterator[str]:
    """What the device said of its runs."""
    for report in reports:
        there = len(runs.get(report.run, {}))
        if there != report.events and not lost:
            yield f"{report.run} has {report.events} events, {there} are stored"


def _runs(centre: psycopg.Connection[Any], device: str) -> dict[str, Events]:
    """The stored events of a device's runs."""
    found: dict[str, Events] = {}
    for run, number, id_, type_, at_ms, data in centre.execute(
        """
        select r.run, e.number, e.id, e.type,
               (extract(epoch from e.at) * 1000)::bigint, e.data
          from run r left join run_event e on e.run_id = r.id
         where r.device = %s order by r.run, e.number
        """,
        (device,),
    ):
        told = found.setdefault(run, {})
        if number is not None:
            told[number] = WorkflowEvent(
                id=id_, type=type_, createdAt=at_ms, number=number, data=data
            )
    return found


def _journal(file: Path) -> Iterator[tuple[str, int, list[WorkflowEvent]]]:
    """Each run, how many events it told, and those that the journal still gives."""
    if not (file.parent / FLOW_NAME).exists():
        return
    with tempfile.TemporaryDirectory(prefix="heddle-chaos-journal-") as folder:
        for part in file.parent.glob(f"{JOURNAL_NAME}*"):
            shutil.copy(part, folder)
        journal = open_journal(Path(folder) / JOURNAL_NAME)
        try:
            flows = load_flows(journal, read_flow(file.parent), TIME_SCALE)
            roster, tails = Roster(journal, flows), journal.tails()
            for row in list(journal.runs()):
                inputs = tails[row.key].inputs if row.key in tails else []
                runner = roster.load(row, inputs)
                bodies = [*journal.events(row.key, 0, -1), *runner.events]
                yield runner.id, runner.run.events, [_decode(body) for body in bodies]
        finally:
            journal.close()


_decode = msgspec.msgpack.Decoder(WorkflowEvent).decode
