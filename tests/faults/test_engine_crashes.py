"""The engine dies at every moment it may die; the history is the uninterrupted one.

The moments are: before each commit, after each commit, and before each frame and each
answer that leaves. After each death a new engine starts on what the disk holds, the
agent comes back, and whoever was not answered asks again. Time is virtual, so that the
histories can be compared as bytes, the instants in them too.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edge_agent.engine import engine as engine_module
from edge_agent.engine.protocol import (
    Approve,
    PauseRun,
    ResumeRun,
    StartRun,
    StopRun,
    Trigger,
)
from heddle.contract.runs import StopMode
from tests.support.engine import (
    World,
    condition,
    dispatcher,
    gateway,
    listener,
    loop,
    one_phase,
    phase,
    timer,
    workflow,
)

BIOREACTOR = Path(__file__).parents[2] / "examples/flows/bioreactor.json"
TEMPERATURE = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"


def bioreactor(here: World) -> float:
    """The seed's example; it warms up late, one look at it breaks the window."""
    here.readings = {TEMPERATURE: (20.0, 0)}
    here.at(1.1, lambda: here.read(**{TEMPERATURE: 20.5}))
    here.at(2.1, lambda: here.ask(StartRun(run="r1")))
    for at_s, value in ((103, 30.0), (110, 37.0), (115, 36.0), (121, 38.0)):
        here.at(at_s + 0.1, lambda v=value: here.read(**{TEMPERATURE: v}))
    return 520


def approved(here: World) -> float:
    """The other way through the example, with pauses in timers and windows."""
    here.readings = {TEMPERATURE: (20.0, 0)}
    here.at(1.1, lambda: here.ask(StartRun(run="r1")))
    here.at(30.1, lambda: here.ask(PauseRun(run="r1")))
    here.at(60.1, lambda: here.ask(ResumeRun(run="r1")))
    here.at(135.1, lambda: here.read(**{TEMPERATURE: 38.0}))
    here.at(140.1, lambda: here.ask(PauseRun(run="r1")))
    here.at(150.1, lambda: here.ask(Approve(run="r1", comment="too early")))
    here.at(170.1, lambda: here.ask(ResumeRun(run="r1")))
    here.at(180.1, lambda: here.ask(Approve(run="r1", by="ada")))
    here.at(240.1, lambda: here.ask(Trigger(run="r1", listener="eventListener_7")))
    here.at(300.1, lambda: here.ask(StopRun(run="r1", mode=StopMode.SOFT)))
    return 400


def joined(here: World) -> float:
    """Two branches that meet at an AND, an ALERT, a command that fails, two runs."""
    here.agent.fail["r1", 1] = "valve stuck"
    here.readings = {"level": (0.0, 0)}
    here.at(1.1, lambda: here.ask(StartRun(run="r1")))
    here.at(1.1, lambda: here.ask(StartRun(run="r2")))
    here.at(4.1, lambda: here.read(level=5.0))
    here.at(6.1, lambda: here.ask(Approve(run="r1")))
    here.at(8.1, lambda: here.ask(StopRun(run="r2", mode=StopMode.HARD)))
    return 20


BRANCHES = workflow(
    gateway("fork", "OR"),
    phase("one", heater=1),
    timer("one_t", "one", 3000),
    timer("one_ping", "one", 1000, interrupting=False),
    dispatcher("ping", "ALERT"),
    phase("two", valve=True, pump="fast"),
    condition("two_c", "two", "level", ">", 3, sustainTimeInMS=1500),
    gateway("join", "AND"),
    phase("last", heater=0),
    listener("last_a", "APPROVAL", "last"),
    dispatcher("end"),
    links="start>fork fork>one fork>two one_t>join one_ping>ping two_c>join "
    "join>last last_a>end",
)


def looping(here: World) -> float:
    """A loop without time: many steps in one commit, and a snapshot in the middle."""
    here.at(1.1, lambda: here.ask(StartRun(run="r1")))
    return 3


def many(here: World) -> float:
    """More runs than stay awake, all due at the same moments."""
    for n in range(8):
        here.at(1.1 + n / 10, lambda n=n: here.ask(StartRun(run=f"r{n}")))
    return 9


SCENARIOS = {
    "bioreactor": (json.loads(BIOREACTOR.read_text()), bioreactor),
    "approved": (json.loads(BIOREACTOR.read_text()), approved),
    "joined": (BRANCHES, joined),
    "looping": (loop(12), looping),
    "many": (one_phase(timer("t", "p", 5000)), many),
}


def play(
    directory: Path,
    definition: object,
    script: Callable[[World], float],
    crash_at: int | None = None,
) -> World:
    directory.mkdir()
    here = World(directory, definition)
    here.dangers = 0
    if crash_at is not None:
        here.crash_at = crash_at
    end_s = script(here)
    here.run_until(end_s)
    here.finish()
    return here


@pytest.fixture
def ram() -> Iterator[Path]:
    """A directory whose syncs cost nothing: what survives is the kernel's anyway."""
    fast = Path("/dev/shm")  # noqa: S108 -- the directory made in it is ours alone
    with TemporaryDirectory(dir=fast if fast.is_dir() else None) as directory:
        yield Path(directory)


@pytest.mark.parametrize("snapshot_after", [1, 4, 256])
@pytest.mark.parametrize("name", SCENARIOS)
def test_wherever_it_dies_the_history_is_the_same(
    ram: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    snapshot_after: int,
) -> None:
    monkeypatch.setattr(engine_module, "SNAPSHOT_AFTER", snapshot_after)
    monkeypatch.setattr("edge_agent.engine.roster.MAX_AWAKE", 3)
    definition, script = SCENARIOS[name]
    whole = play(ram / "whole", definition, script)
    runs = list(whole.agent.events)
    assert runs
    assert whole.dangers > 10
    for moment in range(1, whole.dangers + 1):
        torn = play(ram / f"torn{moment}", definition, script, moment)
        assert torn.crashes == 1, moment
        for run in runs:
            assert torn.history(run) == whole.history(run), (moment, run)
        assert torn.agent.executed == whole.agent.executed, moment
