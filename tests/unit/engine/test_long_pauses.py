"""A thousand pauses of any length, through the journal: less than 5 ms are lost."""

import random
from pathlib import Path

import pytest

from edge_agent.engine.protocol import PauseRun, ResumeRun, StartRun
from tests.support.engine import BEGIN_S, World, condition, one_phase, timer, world

PAUSES = 1_000
WRONG_BY_AT_MOST_MS = 5
RESTARTED = 0.05  # of all stretches
DURATIONS_MS = {"t": 500_000, "slow": 700_000, "c": 600_000}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_pauses_of_any_length_lose_less_than_five_ms(
    tmp_path: Path, seed: int
) -> None:
    """The virtual clock tells to the microsecond how long the run moved."""
    chance = random.Random(seed)  # noqa: S311 -- a test's, not a secret's
    flow = one_phase(
        timer("t", "p", DURATIONS_MS["t"]),
        timer("slow", "p", DURATIONS_MS["slow"]),
        condition("c", "p", "x", ">", 1, sustainTimeInMS=DURATIONS_MS["c"]),
    )
    moved_s = 0.0
    with world(tmp_path, flow) as here:
        here.read(x=5.0)
        here.command(StartRun(run="r1"))
        for _ in range(PAUSES):
            moving_s = chance.random() * 0.3
            moved_s += moving_s
            live(here, chance, moving_s)
            here.command(PauseRun(run="r1"))
            live(here, chance, chance.random() ** 4 * 20)
            here.command(ResumeRun(run="r1"))
        now_ms = here.clock.rightNow * 1000
        waiting = here.report("r1").listening
    assert {waits.listener for waits in waiting} == DURATIONS_MS.keys()
    for waits in waiting:
        assert waits.due_at_ms is not None
        remains_ms = DURATIONS_MS[waits.listener] - moved_s * 1000
        late_ms = waits.due_at_ms - now_ms - remains_ms
        assert -0.01 < late_ms <= WRONG_BY_AT_MOST_MS


def live(here: World, chance: random.Random, seconds: float) -> None:
    """Let time pass; now and then another engine opens the journal meanwhile."""
    end_s = here.clock.rightNow - BEGIN_S + seconds
    here.run_until(end_s - seconds / 2)
    if chance.random() < RESTARTED:
        here.restart()
    here.run_until(end_s)
