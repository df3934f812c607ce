"""Runs of the real engine, as the page's own tests replay them.

``python -m tests.support.page_runs > services/web/tests/runs.json`` writes them anew; a
test holds the file current.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from edge_agent.engine.protocol import (
    Approve,
    PauseRun,
    ResumeRun,
    StartRun,
    StopRun,
    Trigger,
)
from heddle.contract.runs import StopMode
from tests.support.engine import World, dispatcher, phase, timer, workflow, world

ROOT = Path(__file__).parents[2]
BIOREACTOR = json.loads((ROOT / "examples/flows/bioreactor.json").read_text())
TEMPERATURE = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"
SOFTLY_STOPPED = workflow(
    phase("grow", heater=37),
    phase("cool", heater=4),
    timer("remind", "grow", 5_000, interrupting=False),
    timer("grown", "grow", 20_000),
    timer("cooled", "cool", 30_000),
    timer("at_last", None, 600_000),
    dispatcher("told", "ALERT"),
    dispatcher("end"),
    links="start>grow remind>told grown>cool cooled>end at_last>end",
)


def _cultivated(here: World, look: Callable[[], None]) -> None:
    here.read(**{TEMPERATURE: 20.0})
    here.command(StartRun(run="r"))
    look()
    here.run_until(20)
    here.command(PauseRun(run="r"))
    look()
    here.run_until(50)
    here.command(ResumeRun(run="r"))
    look()
    here.run_until(80)
    here.command(Trigger(run="r", listener="eventListener_2", by="ada"))
    look()
    here.run_until(85)
    approval = Approve(run="r", listener="eventListener_3", comment="fine", by="bob")
    here.command(approval)
    look()
    here.run_until(150)
    look()
    here.run_until(900)
    look()


def _stopped(here: World, look: Callable[[], None]) -> None:
    here.command(StartRun(run="r"))
    for until_s in (3, 6, 12):
        here.run_until(until_s)
        look()
    here.command(StopRun(run="r", mode=StopMode.SOFT))
    here.run_until(60)
    look()


def _told(definition: Any, act: Callable[[World, Callable[[], None]], None]) -> Any:
    reports: list[Any] = []
    with TemporaryDirectory() as folder, world(Path(folder), definition) as here:
        act(here, lambda: reports.append(here.report("r")))
        events = here.agent.events["r"]
    return msgspec.to_builtins(
        {"definition": definition, "events": events, "reports": reports}
    )


def runs() -> Any:
    """Each with its workflow, its events, and reports given on the way."""
    return {
        "cultivated": _told(BIOREACTOR, _cultivated),
        "stopped": _told(SOFTLY_STOPPED, _stopped),
    }


if __name__ == "__main__":
    json.dump(runs(), sys.stdout, indent=1)
    sys.stdout.write("\n")
