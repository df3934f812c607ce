"""A journal written by an earlier engine is read by this one, to the last byte.

The files in ``golden`` stay as they are for ever. A newer schema gets a golden file of
its own, made by ``python -m tests.unit.engine.test_golden_journal``.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edge_agent.engine.journal import MIGRATIONS
from edge_agent.engine.protocol import Approve, PauseRun, ResumeRun, StartRun, Status
from edge_agent.engine.records import event_id
from heddle.contract.runs import RunReport, RunStatus
from tests.support.engine import (
    BEGIN_S,
    World,
    condition,
    dispatcher,
    listener,
    phase,
    timer,
    workflow,
)

GOLDEN = Path(__file__).parent / "golden"
BEGIN_MS = int(BEGIN_S * 1000)
FLOW = workflow(
    phase("fill", pump=1.5, valve="open"),
    condition("full", "fill", "level", ">=", 10, sustainTimeInMS=5000),
    timer("too_long", "fill", 60_000),
    phase("check"),
    listener("ok", "APPROVAL", "check"),
    phase("drain", pump=0),
    timer("drained", "drain", 0),
    dispatcher("end"),
    links="start>fill full>check too_long>end ok>drain drained>end",
)


def write(directory: Path) -> None:
    """Four runs, each at a moment that takes something else to remember."""
    here = World(directory, FLOW)
    here.read(level=3.0)
    here.command(StartRun(run="held"))
    here.run_until(1)
    here.read(level=12.0)  # the window opens
    here.run_until(3)
    here.command(PauseRun(run="held"))  # 3000 ms of it remain
    here.command(StartRun(run="asked"))
    here.run_until(8.5)
    here.command(StartRun(run="finished"))
    here.run_until(13.75)
    here.engine.stop()  # the runs are in snapshots
    here.start()
    here.wall_offset_s = 3600.0
    here.agent.acknowledges = False
    here.command(StartRun(run="fresh"))  # its inputs and its events are kept as such
    here.command(Approve(run="finished", by="ada", comment="passt schön"))
    here.settle()  # its last command is not answered
    here.kill()


@pytest.fixture(params=range(1, len(MIGRATIONS) + 1))
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The world that finds an earlier engine's journal."""
    golden = GOLDEN / f"journal_v{request.param}.sqlite"
    shutil.copy(golden, tmp_path / "journal.sqlite")
    vouched_ms = BEGIN_MS + 13_750  # the note beside it: its readings may be trusted
    (tmp_path / "vouched").write_bytes(vouched_ms.to_bytes(8, "big"))
    here = World(tmp_path, FLOW, begin_s=13.75, wall_offset_s=3600.0)
    yield here
    here.stop()


def test_runs_are_where_they_were(first: World) -> None:
    held = report(first, "held")
    assert (held.status, held.active_phases) == (RunStatus.PAUSED, ("fill",))
    remaining = {one.listener: one.remaining_ms for one in held.listening}
    assert remaining == {"full": 3000, "too_long": 57_000}
    asked = report(first, "asked")
    assert asked.active_phases == ("check",)
    assert [one.listener for one in asked.listening] == ["ok"]
    assert report(first, "finished").status is RunStatus.FINISHED
    due = {one.listener: one.due_at_ms for one in report(first, "fresh").listening}
    assert due["full"] == BEGIN_MS + 13_750 + 5000 + 3_600_000


def test_what_was_not_delivered_is_delivered(first: World) -> None:
    first.settle()
    assert first.agent.executed["finished", 1].phase == "drain"
    last = first.agent.events["finished"][-1]
    assert last.type == "WORKFLOW_FINISHED"
    assert last.createdAt == BEGIN_MS + 13_750 + 3_600_000
    told = first.agent.events["fresh"]
    assert [event.number for event in told] == list(range(len(told)))
    assert told[0].id == event_id("fresh", 0) == "c60a950d-bf5a-5fa6-b41e-1dbd1c6d68ed"


def test_runs_go_on(first: World) -> None:
    first.run_until(20)
    assert report(first, "fresh").active_phases == ("check",)
    first.command(ResumeRun(run="held"))
    first.run_until(22.999)
    assert report(first, "held").active_phases == ("fill",)
    first.run_until(23)
    assert report(first, "held").active_phases == ("check",)


def report(here: World, run: str) -> RunReport:
    return here.command(Status(run=run))


def test_every_version_has_its_golden_file() -> None:
    wanted = {f"journal_v{n + 1}.sqlite" for n in range(len(MIGRATIONS))}
    assert {path.name for path in GOLDEN.iterdir()} == wanted


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        write(Path(made))
        newest = GOLDEN / f"journal_v{len(MIGRATIONS)}.sqlite"
        if not newest.exists():
            shutil.copy(Path(made) / "journal.sqlite", newest)
