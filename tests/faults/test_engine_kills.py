"""The real process is killed at random; nothing is lost, nothing doubled.

Three runs go round a loop: a phase whose command must be answered and then approved,
and a phase with a timer. The order of their events is the same however often the
process dies. ``HEDDLE_SOAK_KILLS=1000`` makes a soak of it.
"""

import contextlib
import os
import random
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from edge_agent.engine.protocol import Approve, Reply, StartRun, Status
from heddle.contract.runs import WorkflowEvent
from tests.support.engine import (
    dispatcher,
    gateway,
    listener,
    phase,
    timer,
    workflow,
    world,
)
from tests.support.engine_process import Client, EngineProcess, write_flow

KILLS = int(os.environ.get("HEDDLE_SOAK_KILLS", "12"))
RUNS = ("r1", "r2", "r3")
RUNNING_S = 0.12  # at most this long after each start


def turning(rounds: int) -> Any:
    count = {"type": "GATEWAY", "data": {"gatewayId": "g", "property": "activations"}}
    again = {"left": count, "operator": "<", "right": rounds - 1}
    return workflow(
        phase("work", heater=40, pump="on"),
        listener("approved", "APPROVAL", "work"),
        phase("rest"),
        timer("rested", "rest", 15),
        gateway("g", "CONDITIONAL", condition=again, trueFlowId="f3", falseFlowId="f4"),
        dispatcher("end"),
        links="start>work approved>rest rested>g g>work g>end",
    )


def uninterrupted(directory: Path, rounds: int) -> list[tuple[Any, ...]]:
    """The events of one run as they should be, without the moments."""
    with world(directory, turning(rounds)) as here:
        here.command(StartRun(run="r1"))
        for n in range(rounds):
            here.run_until(n + 1)
            here.command(Approve(run="r1", by="soak"))
        here.run_until(rounds + 2)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"
        return [timeless(event) for event in here.agent.events["r1"]]


def timeless(event: WorkflowEvent) -> tuple[Any, ...]:
    data = {k: v for k, v in event.data.items() if k != "late_by_ms"}
    return (event.number, event.type, data)


class Operator:
    """Starts the runs and approves each round, once per answered command."""

    def __init__(self) -> None:
        self.events: dict[str, list[WorkflowEvent]] = {}
        self.executed: list[tuple[str, int]] = []

    def work(self, client: Client) -> None:
        """Do what is to be done until all is, or the engine is dead."""
        client.events, client.executed = self.events, self.executed
        with contextlib.suppress(EOFError, ConnectionError):
            client.ask(Status())
            while not self.done():
                for run in RUNS:
                    self._nudge(client, run)
                client._work(client.receive())

    def _nudge(self, client: Client, run: str) -> None:
        """Do what the run waits for, once all is known: answers may overtake events."""
        told = self.events.get(run, [])
        if not told:
            client.ask(StartRun(run=run))
        elif told[-1].type == "COMMAND_EXECUTED":
            status = client.ask(Status(run=run))
            assert isinstance(status, Reply)
            known = status.runs[0].events == len(told)
            if known and told[-1].type == "COMMAND_EXECUTED":  # it may have moved
                assert isinstance(client.ask(Approve(run=run, by="soak")), Reply)

    def done(self) -> bool:
        return all(
            self.events.get(run) and self.events[run][-1].type == "WORKFLOW_FINISHED"
            for run in RUNS
        )


def live(directory: Path, operator: Operator, dies_after_s: float | None) -> None:
    """One life of the engine's process."""
    engine = EngineProcess(directory)
    killer = Timer(dies_after_s or 0, engine.process.kill)
    try:
        with engine.client() as client:
            if dies_after_s is not None:
                killer.start()
            operator.work(client)
    finally:
        killer.cancel()
        engine.kill()
        assert "Traceback" not in engine.said()


@pytest.mark.timeout(60 + 5 * KILLS)
def test_killed_at_random_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(11)  # noqa: S311 -- a test's, not a secret's
    rounds = 5 + 5 * KILLS
    (tmp_path / "virtual").mkdir()
    expected = uninterrupted(tmp_path / "virtual", rounds)
    write_flow(tmp_path, turning(rounds))
    operator = Operator()
    deaths = 0
    while not operator.done():
        dies_after_s = chance.random() * RUNNING_S if deaths < KILLS else None
        live(tmp_path, operator, dies_after_s)
        deaths += 1
    assert deaths > KILLS
    for run in RUNS:
        assert [timeless(event) for event in operator.events[run]] == expected
        ids = {event.id for event in operator.events[run]}
        assert len(ids) == len(expected)
        wanted = {(run, number) for number in range(rounds)}
        assert {key for key in operator.executed if key[0] == run} == wanted
