"""A run that was forgotten leaves nothing to the next one of its name."""

from pathlib import Path

from edge_agent.engine.protocol import Approve, Forget, StartRun
from tests.support.engine import World, listener, one_phase, world


def play(here: World) -> None:
    """From its start to its end, within a moment."""
    here.command(StartRun(run="r1"))
    here.command(Approve(run="r1"))


def test_acknowledgements_of_a_forgotten_run_are_not_its_namesakes(
    tmp_path: Path,
) -> None:
    with world(tmp_path, one_phase(listener("a", "APPROVAL", "p"))) as here:
        play(here)
        here.settle()
        here.ask(Forget(run="r1"))
        here.settle()
        here.engine.disconnect(here.agent)
        here.agent.events.clear()
        play(here)  # within the second after which acknowledgements are written
        here.run_until(5)
        here.connect()
        here.settle()
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"
        numbers = [event.number for event in here.agent.events["r1"]]
        assert numbers == list(range(len(numbers)))
