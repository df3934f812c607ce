"""What an engine finds when it starts again, and what the journal keeps for it."""

from pathlib import Path

import pytest

from edge_agent.engine import engine as engine_module
from edge_agent.engine import tails
from edge_agent.engine.flows import FlowFile, FlowUnusable, scaled
from edge_agent.engine.journal import JournalFull, JournalUnusable, open_journal
from edge_agent.engine.protocol import (
    Approve,
    Forget,
    PauseRun,
    Reply,
    ResumeRun,
    StartRun,
    Status,
    StopRun,
)
from heddle.contract.runs import RunStatus, StopMode
from tests.support.engine import (
    BEGIN_S,
    World,
    condition,
    listener,
    loop,
    one_phase,
    timer,
    world,
)

BEGIN_MS = int(BEGIN_S * 1000)


def down_for(here: World, seconds: float) -> None:
    """Nobody runs for a while: not even the agent."""
    here.kill()
    here.clock.rightNow += seconds
    here.start()


def test_a_deadline_missed_while_down_fires_once_and_says_how_late(
    tmp_path: Path,
) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        down_for(here, 12)
        here.run_until(60)
        fired = [e for e in here.agent.events["r1"] if e.type == "EVENT_RECEIVED"]
        assert fired[-1].data == {
            "eventListenerId": "t",
            "forced": False,
            "late_by_ms": 7000,
        }
        assert fired[-1].createdAt == BEGIN_MS + 12_000
        assert here.types("r1").count("WORKFLOW_FINISHED") == 1


def test_a_deadline_not_yet_due_is_waited_for(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        down_for(here, 3)
        here.run_until(4.999)
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.run_until(5)
        assert here.agent.events["r1"][-1].createdAt == BEGIN_MS + 5000
        assert "late_by_ms" not in here.agent.events["r1"][5].data


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, -BEGIN_S + 1000, 86_400 * 365])
def test_setting_the_wall_clock_moves_no_deadline(
    tmp_path: Path, jump_s: float
) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        here.run_until(2)
        here.wall_offset_s = jump_s
        here.run_until(3)
        here.restart()
        report = here.command(Status(run="r1"))
        jump_ms = int(jump_s * 1000)
        assert report.listening[0].due_at_ms == BEGIN_MS + 5000 + jump_ms
        here.run_until(4.999)
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.run_until(5)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"
        ended = here.agent.events["r1"][-1]
        assert ended.createdAt == BEGIN_MS + 5000 + jump_ms
        assert "late_by_ms" not in here.agent.events["r1"][5].data


def test_a_reboot_without_a_battery_makes_a_deadline_late_never_early(
    tmp_path: Path,
) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        here.run_until(2)
        here.boot, here.wall_offset_s = "boot-2", -BEGIN_S  # 1970
        down_for(here, 100)
        here.run_until(103)
        here.wall_offset_s = 0  # the network has told the time
        here.run_until(104)
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.run_until(108)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_a_thousand_pauses_lose_not_a_millisecond(tmp_path: Path) -> None:
    held = [
        timer("t", "p", 100_000),
        condition("c", "p", "temp", ">", 1, sustainTimeInMS=100_000),
    ]
    with world(tmp_path, one_phase(*held)) as here:
        here.read(temp=5.0)
        here.command(StartRun(run="r1"))
        for n in range(1000):
            here.run_until(n * 0.1 + 0.0333)
            here.command(PauseRun(run="r1"))
            here.run_until(n * 0.1 + 0.0667)
            if n % 100 == 99:
                here.restart()
            here.command(ResumeRun(run="r1"))
        here.run_until(100)
        report = here.command(Status(run="r1"))
        moved_ms = 1000 * (100 - 33.4)
        for waits in report.listening:
            assert waits.due_at_ms is not None
            remaining_ms = waits.due_at_ms - (BEGIN_MS + 100_000)
            assert abs(remaining_ms - (100_000 - moved_ms)) <= 5


def test_readings_remembered_from_before_a_long_absence_are_not_trusted(
    tmp_path: Path,
) -> None:
    warm = condition("c", "p", "temp", ">=", 37, sustainTimeInMS=20_000)
    with world(tmp_path, one_phase(warm)) as here:
        here.read(temp=40.0)
        here.command(StartRun(run="r1"))
        here.run_until(5)
        here.kill()
        here.clock.rightNow += 600
        here.start(connect=False)
        here.run_until(606)
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.connect()
        here.run_until(625)
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.run_until(627)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_events_wait_for_the_agent_and_come_in_order(tmp_path: Path) -> None:
    with world(tmp_path, loop(300, 10)) as here:
        here.engine.disconnect(here.agent)
        here.command(StartRun(run="r1"))
        here.run_until(60)
        here.restart()
        here.run_until(61)
        told = here.agent.events["r1"]
        assert [e.number for e in told] == list(range(len(told)))
        assert told[-1].type == "WORKFLOW_FINISHED"


def test_a_slow_agent_is_spared_and_misses_nothing(tmp_path: Path) -> None:
    with world(tmp_path, loop(300)) as here:
        here.agent.full = True
        here.command(StartRun(run="r1"))
        here.run_until(1)
        assert "r1" not in here.agent.events
        here.agent.full = False
        here.engine.drained(here.agent)
        here.settle()
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_the_journal_stays_small(tmp_path: Path) -> None:
    with world(tmp_path, loop(3000, 10)) as here:
        here.command(StartRun(run="r1"))
        here.run_until(10)
        early = here.command(Status(run="r1")).events
        small = (tmp_path / "journal.sqlite-wal").stat().st_size
        here.run_until(60)
        late = here.command(Status(run="r1"))
        assert (late.status, late.events > 2 * early) == (RunStatus.FINISHED, True)
        rows = here.journal._db.execute(
            "select (select count(*) from input), (select count(*) from event)"
        ).fetchone()
        assert rows == (0, 0)
        assert (tmp_path / "journal.sqlite").stat().st_size < 1_000_000
        assert small < 10_000_000


def test_quiet_runs_sleep_and_wake(tmp_path: Path) -> None:
    waits = one_phase(timer("t", "p", 50_000), listener("a", "APPROVAL", "p"))
    with world(tmp_path, waits) as here:
        for n in range(600):
            here.command(StartRun(run=f"r{n}"))
        here.run_until(3)
        assert len(list(here.engine._roster)) <= 300
        assert here.command(Approve(run="r1")).status is RunStatus.FINISHED
        assert here.command(PauseRun(run="r2")).listening[0].remaining_ms is not None
        here.restart()
        here.run_until(60)
        ended = [here.command(Status(run=f"r{n}")).status for n in range(600)]
        assert ended.count(RunStatus.FINISHED) == 599
        assert ended[2] is RunStatus.PAUSED
        for n in range(600):
            told = here.agent.events[f"r{n}"]
            assert [e.number for e in told] == list(range(len(told)))


def test_a_run_follows_the_definition_it_began_with(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        here.file = FlowFile("flow", 2, one_phase(timer("t", "p", 1000)))
        here.restart()
        here.command(StartRun(run="r2"))
        here.run_until(2)
        old, new = (here.command(Status(run=run)) for run in ("r1", "r2"))
        assert (old.version, old.status) == (1, RunStatus.RUNNING)
        assert (new.version, new.status) == (2, RunStatus.FINISHED)
        here.run_until(5)
        assert here.command(Status(run="r1")).status is RunStatus.FINISHED
        here.command(Status(run="r1"))
        here.ask(Forget(run="r1"))
        here.settle()
        here.file = FlowFile("flow", 3, one_phase(timer("t", "p", 1)))
        here.restart()
        assert [row.version for row in here.journal.flows()] == [2, 3]


def test_a_journal_of_another_flow_is_refused(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))):
        pass
    with pytest.raises(FlowUnusable) as refused:
        World(tmp_path, one_phase(timer("t", "p", 5000)), flow="other")
    assert str(refused.value) == (
        "the journal belongs to flow flow, flow.json to other: "
        "give each flow a directory of its own"
    )


def test_one_journal_one_engine(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))):
        with pytest.raises(JournalUnusable) as refused:
            open_journal(tmp_path / "journal.sqlite")
        assert "another engine runs in this directory" in str(refused.value)


def test_a_journal_of_a_newer_engine_is_refused(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite")
    journal._db.execute("pragma user_version = 99")
    journal.close()
    with pytest.raises(JournalUnusable, match="is of version 99, this engine reads"):
        open_journal(tmp_path / "journal.sqlite")


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"x" * 10_000)
    with pytest.raises(JournalUnusable, match="is no journal"):
        open_journal(tmp_path / "journal.sqlite")


def fill(here: World) -> None:
    """No further page may be taken."""
    pages = here.journal._db.execute("pragma page_count").fetchone()[0]
    here.journal._db.execute(f"pragma max_page_count = {pages}")


def make_room(here: World) -> None:
    here.journal._db.execute("pragma max_page_count = 1000000")


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    waits = one_phase(timer("t", "p", 5000), listener("a", "APPROVAL", "p"))
    with world(tmp_path, waits) as here:
        here.command(StartRun(run="r1"))
        here.run_until(2)
        fill(here)
        started = 0
        while True:  # until the last free pages are used up
            answers = here.ask(StartRun(run=f"more{started}"))
            here.settle()
            if not isinstance(answers[0], Reply):
                break
            started += 1
        assert answers[0].uri == "heddle.error.storage_full"
        assert answers[0].sentence == (
            "the device's disk is full, so the request is not heeded: "
            "make room, then ask again"
        )
        assert here.command(Status(run="r1")).status is RunStatus.RUNNING
        here.run_until(8)  # deadlines come, and cannot be journalled
        make_room(here)
        here.run_until(10)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"
        assert here.command(StartRun(run="later")).events == 6
        here.restart()
        for n in range(started):
            told = here.agent.events[f"more{n}"]
            assert [e.number for e in told] == list(range(len(told)))


def test_a_full_disk_raises_journal_full_and_changes_nothing(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        fill(here)
        with pytest.raises(JournalFull), here.journal.transaction():
            here.journal.add_events(1, 0, [b"x" * 100_000])
        make_room(here)
        assert here.journal.events(1, 0, 10) == []


def test_a_broken_disk_ends_the_engine_and_nothing_leaves(tmp_path: Path) -> None:
    here = World(tmp_path, one_phase(timer("t", "p", 5000)))
    here.journal._db.execute("drop table input")
    answers = here.ask(StartRun(run="r1"))
    here.settle()
    assert here.broken
    assert answers == []
    assert here.agent.events == {}


def test_a_defect_holds_one_run_not_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_agent.engine import runner

    def faulty(workflow, run, received):
        if getattr(received, "comment", "") == "poison":
            raise ZeroDivisionError
        return whole(workflow, run, received)

    whole = runner.step
    monkeypatch.setattr(runner, "step", faulty)
    waits = one_phase(timer("t", "p", 5000), listener("a", "APPROVAL", "p"))
    with world(tmp_path, waits) as here:
        here.command(StartRun(run="r1"))
        here.command(StartRun(run="r2"))
        refused = here.refused(Approve(run="r1", comment="poison"))
        assert refused.uri == "heddle.error.internal"
        assert "ZeroDivision" not in refused.sentence
        here.run_until(10)
        assert here.types("r2")[-1] == "WORKFLOW_FINISHED"
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.restart()  # a newer engine, without the defect, takes it up again
        here.run_until(12)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_a_stopped_engine_leaves_nothing_to_take_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SNAPSHOT_AFTER", 1000)
    with world(tmp_path, loop(1000, 10)) as here:
        here.command(StartRun(run="r1"))
        here.run_until(1)
        assert len(here.journal.inputs(1)) > 50
        here.stop()
        here.start()
        assert here.journal.inputs(1) == []
        here.command(StopRun(run="r1", mode=StopMode.HARD))


def test_few_inputs_have_to_be_taken_again_however_many_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "RECOVERABLE_INPUTS", 50)
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        for n in range(200):
            here.command(StartRun(run=f"r{n}"))
        found = here.journal._db.execute("select count(*) from input").fetchone()
        assert found[0] <= 51


def test_durations_are_scaled_wherever_they_are() -> None:
    source = one_phase(
        timer("t", "p", 6000),
        condition("c", "p", "x", ">", 600, sustainTimeInMS=1200),
    )
    text = str(scaled(source, 60.0))
    assert "'durationInMS': 100" in text
    assert "'sustainTimeInMS': 20" in text
    assert "'right': 600" in text
