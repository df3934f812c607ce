"""Durable inputs through the real engine process, as an agent gives them.

Each input is a pause or a resume. It is on the disk, and what it caused has been told,
before its answer comes; only then the next one is given.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.engine.protocol import PauseRun, Reply, Request, ResumeRun, StartRun
from tests.support.engine import listener, one_phase
from tests.support.engine_process import Client, running, write_flow


class DurableInputs:
    """Runs that wait for an approval, and are paused and resumed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._runs: list[str] = []
        self._request = 1_000_000  # above the ids ``Client.ask`` gives

    def give(self, runs: int, inputs: int) -> None:
        """So many inputs, an even number, to each of so many runs, one at a time."""
        for number in range(len(self._runs), runs):
            self._runs.append(f"run_{number}")
            self._client.ask(StartRun(run=self._runs[-1]))
        for turn in range(inputs):
            for run in self._runs[:runs]:
                self._send(ResumeRun(run=run) if turn % 2 else PauseRun(run=run))
            for _ in range(runs):
                self._client.until(Reply)

    def _send(self, command: PauseRun | ResumeRun) -> None:
        self._request += 1
        self._client.send(Request(id=self._request, command=command))


@contextmanager
def durable_inputs(directory: Path) -> Iterator[DurableInputs]:
    """A fresh engine that takes inputs, gone afterwards."""
    write_flow(directory, one_phase(listener("approval", "APPROVAL", "p")))
    with running(directory) as engine, engine.client() as client:
        client.receive()
        yield DurableInputs(client)
