"""Engines of both versions on one journal, and with the agents of the other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.engine.protocol import Approve, PauseRun, Reply, ResumeRun, StartRun
from tests.support.engine import listener, one_phase
from tests.support.engine_process import EngineProcess, running, write_flow
from tests.support.stack import ROOT


@contextmanager
def engine_of(root: Path, directory: Path) -> Iterator[EngineProcess]:
    """The engine of the source tree in ``root``; this version's agent speaks to it."""
    env = {**os.environ, "PYTHONPATH": str(root)}
    with running(directory, cwd=root, env=env) as engine:
        yield engine


@pytest.mark.parametrize("back", [False, True], ids=["upgraded", "and put back"])
def test_a_run_goes_on_in_the_other_versions_engine(
    back: bool, previous: Path, tmp_path: Path
) -> None:
    write_flow(tmp_path, one_phase(listener("a", "APPROVAL", "p")))
    with engine_of(previous, tmp_path) as old, old.client() as agent:
        agent.acknowledges = False
        for run in ("r1", "r2"):
            assert isinstance(agent.ask(StartRun(run=run)), Reply)
        agent.ask(PauseRun(run="r2"))
        told = dict(agent.events)
        old.kill()
    last = previous if back else ROOT
    if back:
        with engine_of(ROOT, tmp_path) as new, new.client() as agent:
            agent.acknowledges = False
            agent.ask(ResumeRun(run="r2"))
            agent.ask(PauseRun(run="r2"))
            told = dict(agent.events)
            new.kill()
    with engine_of(last, tmp_path) as engine, engine.client() as agent:
        agent.ask(ResumeRun(run="r2"))
        for run in ("r1", "r2"):
            agent.ask(Approve(run=run))
            agent.until_event(run, "WORKFLOW_FINISHED")
            events = agent.events[run]
            assert events[: len(told[run])] == told[run]
            assert [event.number for event in events] == list(range(len(events)))
