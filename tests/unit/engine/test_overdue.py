"""What was due while the engine was down fires first, and says how late it is."""

from pathlib import Path
from typing import Any

import pytest

from edge_agent.engine.protocol import StartRun
from tests.support.engine import World, condition, one_phase, timer, world

DUE_S, BACK_S = 5, 8


def down(here: World, temperature: float) -> dict[str, Any]:
    """The run's deadline passes while nobody looks; then the agent is back at once."""
    here.read(temp=40.0)
    here.command(StartRun(run="r1"))
    here.run_until(2)
    here.kill()
    here.clock.rightNow += BACK_S - 2
    here.readings = {"temp": (temperature, 0)}
    here.start()
    here.settle()
    assert here.types("r1")[-1] == "WORKFLOW_FINISHED"
    heard = [e for e in here.agent.events["r1"] if e.type == "EVENT_RECEIVED"]
    return heard[-1].data


@pytest.mark.parametrize("temperature", [40.0, 41.0, 20.0])
def test_a_window_that_ended_meanwhile_is_late_whatever_the_agent_brings(
    tmp_path: Path, temperature: float
) -> None:
    lasting = condition("c", "p", "temp", ">", 37, sustainTimeInMS=DUE_S * 1000)
    with world(tmp_path, one_phase(lasting)) as here:
        told = down(here, temperature)
    late_by_ms = (BACK_S - DUE_S) * 1000
    assert told == {"eventListenerId": "c", "forced": False, "late_by_ms": late_by_ms}


def test_of_two_overdue_the_earlier_fires(tmp_path: Path) -> None:
    both = one_phase(
        condition("c", "p", "temp", ">", 37, sustainTimeInMS=DUE_S * 1000),
        timer("t", "p", DUE_S * 1000 - 500),
    )
    with world(tmp_path, both) as here:
        told = down(here, 41.0)
    assert told["eventListenerId"] == "t"
    assert told["late_by_ms"] == (BACK_S - DUE_S) * 1000 + 500
