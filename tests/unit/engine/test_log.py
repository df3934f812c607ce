"""The journal's log of inputs: short, whole, and never another run's."""

from pathlib import Path

import pytest

from edge_agent.engine import roster, tails
from edge_agent.engine import runner as runner_module
from edge_agent.engine.protocol import (
    Acked,
    Approve,
    Forget,
    PauseRun,
    ResumeRun,
    StartRun,
)
from heddle.contract.runs import RunStatus
from tests.support.engine import World, listener, one_phase, timer, world

WAITS = one_phase(timer("t", "p", 3_600_000), listener("a", "APPROVAL", "p"))
SHORT = 50


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "RECOVERABLE_INPUTS", SHORT)


def length(here: World) -> int:
    found = here.journal._db.execute("select count(*) from input").fetchone()
    return int(found[0])


def press(here: World, run: str, times: int) -> None:
    for _ in range(times):
        here.command(PauseRun(run=run))
        here.command(ResumeRun(run=run))


def test_a_run_that_waits_for_long_does_not_keep_the_log(
    tmp_path: Path, short: None
) -> None:
    with world(tmp_path, WAITS) as here:
        here.command(StartRun(run="waits"))
        here.command(StartRun(run="busy"))
        press(here, "busy", 100)
        assert length(here) <= SHORT + 2
        before = {run: here.report(run) for run in ("waits", "busy")}
        here.restart()
        assert {run: here.report(run) for run in before} == before
        assert here.command(Approve(run="waits")).status is RunStatus.FINISHED


def test_a_run_held_for_a_defect_keeps_its_inputs_and_not_the_log(
    tmp_path: Path, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = runner_module.step

    def faulty(workflow, run, received):
        if getattr(received, "comment", "") == "poison":
            raise ZeroDivisionError
        return whole(workflow, run, received)

    monkeypatch.setattr(runner_module, "step", faulty)
    with world(tmp_path, WAITS) as here:
        here.command(StartRun(run="held"))
        press(here, "held", 3)
        before = here.report("held")
        here.refused(Approve(run="held", comment="poison"))
        here.command(StartRun(run="busy"))
        press(here, "busy", 200)
        assert length(here) <= SHORT + 9
        assert len(here.journal.inputs(1)) == 7
        here.restart()
        assert here.report("held") == before
        assert here.command(Approve(run="held")).status is RunStatus.FINISHED


def test_what_is_left_of_a_forgotten_run_is_not_the_next_ones(tmp_path: Path) -> None:
    with world(tmp_path, WAITS) as here:
        here.command(StartRun(run="stays"))  # its tail keeps the log
        here.command(StartRun(run="gone"))
        press(here, "gone", 5)
        here.command(Approve(run="gone"))
        last = here.agent.events["gone"][-1].number
        here.engine.acked(Acked(run="gone", next_number=last + 1))
        here.ask(Forget(run="gone"))
        here.settle()
        here.restart()
        here.command(StartRun(run="next"))
        before = here.report("next")
        assert (before.status, before.events) == (RunStatus.RUNNING, 6)
        here.restart()
        assert here.report("next") == before


def test_runs_with_inputs_to_take_again_sleep_after_their_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(tmp_path, WAITS) as here:
        for n in range(200):
            here.command(StartRun(run=f"r{n}"))
        monkeypatch.setattr(roster, "MAX_AWAKE", 20)
        here.restart()
        assert len(list(here.engine._roster)) == 200
        here.run_until(5)
        assert len(list(here.engine._roster)) == 20
        here.restart()
        here.run_until(10)
        reports = [here.report(f"r{n}") for n in range(200)]
        assert {(r.status, r.events) for r in reports} == {(RunStatus.RUNNING, 6)}
        assert here.command(Approve(run="r7")).status is RunStatus.FINISHED
