"""Active runs that go on as another version, and requests that come twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.engine.flows import FlowFile, FlowUnusable
from edge_agent.engine.protocol import (
    Approve,
    PauseRun,
    ResumeRun,
    StartRun,
    Status,
    Trigger,
)
from heddle.contract.runs import RunNotFound, RunStatus
from tests.support.engine import (
    Crash,
    World,
    condition,
    dispatcher,
    gateway,
    listener,
    phase,
    timer,
    workflow,
    world,
)


def brew(*more: Any, limit: int = 10, links: str = "") -> Any:
    """Fill until full, then check until somebody approves."""
    return workflow(
        phase("fill", pump=1.5),
        condition("full", "fill", "level", ">=", limit, sustainTimeInMS=5000),
        timer("too_long", "fill", 60_000),
        phase("check", pump=0),
        listener("ok", "APPROVAL", "check"),
        dispatcher("end"),
        *more,
        links=f"start>fill full>check too_long>check ok>end {links}".strip(),
    )


LONGER = brew(
    phase("rinse"), timer("rinsed", "rinse", 1000), links="ok>rinse rinsed>end"
)
LONGER["elements"] = [
    x for x in LONGER["elements"] if (x.get("srcId"), x.get("destId")) != ("ok", "end")
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, brew()) as made:
        made.read(level=1.0)
        made.command(StartRun(run="r"))
        yield made


def take_up(here: World, definition: Any, how: str = "must") -> None:
    """Replace the engine by one of version 2."""
    here.stop()
    here.file = FlowFile("flow", 2, definition, how)
    here.start()


def test_a_run_goes_on_where_it_stands_to_the_new_end(here: World) -> None:
    here.run_until(10)
    take_up(here, LONGER)
    report = here.report("r")
    assert (report.version, report.active_phases) == (2, ("fill",))
    here.run_until(60)  # the deadline is the one it had
    assert here.report("r").active_phases == ("check",)
    here.command(Approve(run="r"))
    assert here.report("r").active_phases == ("rinse",)
    here.run_until(62)
    assert here.report("r").status is RunStatus.FINISHED
    numbers = [event.number for event in here.agent.events["r"]]
    assert numbers == list(range(len(numbers)))


def test_without_the_word_it_goes_on_as_it_began(here: World) -> None:
    take_up(here, LONGER, how="")
    assert here.report("r").version == 1


def test_what_is_missing_refuses_all_and_changes_nothing(here: World) -> None:
    other = workflow(
        phase("drain"),
        timer("t", "drain", 5),
        dispatcher("end"),
        links="start>drain t>end",
    )
    with pytest.raises(FlowUnusable, match="lacks phase fill, which is active"):
        take_up(here, other)
    here.file = FlowFile("flow", 2, other, "may")
    here.start()
    assert here.report("r").version == 1
    take_up(here, brew())  # it began with that very one
    assert here.report("r").version == 2


@pytest.mark.parametrize(("limit", "full_s"), [(10, 6), (11, 8)])
def test_an_open_window_stays_that_of_another_condition_begins_anew(
    here: World, limit: int, full_s: int
) -> None:
    here.run_until(1)
    here.read(level=12.0)  # the window of 5 s opens
    here.run_until(3)
    take_up(here, brew(limit=limit))
    here.run_until(full_s - 0.1)
    assert here.report("r").active_phases == ("fill",)
    here.run_until(full_s)
    assert here.report("r").active_phases == ("check",)


def test_a_paused_run_keeps_its_remainder(here: World) -> None:
    here.run_until(20)
    here.command(PauseRun(run="r"))
    take_up(here, LONGER)
    here.run_until(100)
    (left,) = {x.remaining_ms for x in here.report("r").listening} - {None}
    assert left == 40_000
    here.command(ResumeRun(run="r"))
    here.run_until(140)
    assert here.report("r").active_phases == ("check",)


def test_whenever_it_dies_while_handing_over_it_goes_on_the_same(
    tmp_path: Path,
) -> None:
    for nth in range(1, 5):
        folder = tmp_path / str(nth)
        folder.mkdir()
        with world(folder, brew()) as here:
            here.read(level=1.0)
            here.command(StartRun(run="r"))
            here.run_until(10)
            here.kill()
            here.file = FlowFile("flow", 2, LONGER, "must")
            here.crash_at = here.dangers + nth
            while True:
                try:
                    here.start()
                    break
                except Crash:
                    here.journal.kill()
            here.run_until(60)
            here.command(Approve(run="r"))
            here.run_until(62)
            told = here.agent.events["r"]
            assert [e.number for e in told] == list(range(len(told)))
            assert here.types("r").count("PHASE_STARTED") == 3
            assert here.report("r").status is RunStatus.FINISHED


def test_a_gateway_must_be_of_the_same_kind(tmp_path: Path) -> None:
    def via(kind: str) -> Any:
        return workflow(
            *(phase("p"), timer("a", "p", 1000), gateway("g", kind)),
            *(phase("q"), timer("b", "q", 60_000), dispatcher("end")),
            links="start>p a>g g>q b>end",
        )

    with world(tmp_path, via("OR")) as here:
        here.command(StartRun(run="r"))
        here.run_until(2)
        with pytest.raises(FlowUnusable, match="gateway g, which was activated"):
            take_up(here, via("AND"))
        take_up_again = FlowFile("flow", 3, via("OR"), "must")
        here.file = take_up_again
        here.start()
        assert here.report("r").version == 3


# --- keys ---


def test_a_repeat_with_its_key_is_answered_as_before(here: World) -> None:
    forced = Trigger(run="r", listener="too_long", by="ada", key="k1")
    first = here.command(forced)
    assert first.active_phases == ("check",)
    approval = Approve(run="r", by="ada", key="k1")  # another request: its own name
    assert here.command(approval).status is RunStatus.FINISHED
    events = here.history("r")
    for _ in range(2):
        assert here.command(forced) == first
        assert here.command(approval).status is RunStatus.FINISHED
        assert here.command(Approve(run="", key="k1")).run == "r"
        here.restart()  # killed
    assert here.history("r") == events
    assert here.refused(Approve(run="r", key="k2")).uri.endswith("wrong_run_state")
    assert here.refused(Approve(run="", key="k3")).uri == RunNotFound.uri


def test_only_the_newest_keys_are_remembered(here: World, monkeypatch) -> None:
    monkeypatch.setattr("edge_agent.engine.heeded.REMEMBERED", 2)
    here.command(Trigger(run="r", listener="too_long", key="k0"))
    for n in (1, 2):
        here.command(StartRun(run=f"r{n}"))
        here.command(Trigger(run=f"r{n}", listener="too_long", key=f"k{n}"))
    here.restart()
    names = [name for name, _ in here.journal.heeded()]
    assert names == ["trigger k1", "trigger k2"]
    refused = here.refused(Trigger(run="r", listener="too_long", key="k0"))
    assert refused.uri.endswith("listener_not_active")
    assert here.command(Trigger(run="r1", listener="x", key="k1")).run == "r1"
    assert here.command(Status(run="r1")).active_phases == ("check",)
