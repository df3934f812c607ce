"""A real file system fills up under a real engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.engine.protocol import Approve, Refusal, Reply, StartRun, Status
from tests.support.disk import small_disk_at
from tests.support.engine import listener, one_phase, timer
from tests.support.engine_process import Client, running, write_flow

BALLAST_BYTES = 1_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Two megabytes, half of them ballast that can be thrown off."""
    with small_disk_at(tmp_path / "disk", 2, BALLAST_BYTES) as where:
        yield where


def start_until_full(client: Client, name: str) -> list[str]:
    started: list[str] = []
    while True:
        run = f"{name}_{len(started)}"
        answer = client.ask(StartRun(run=run))
        if isinstance(answer, Refusal):
            assert answer.uri == "heddle.error.storage_full"
            return started
        started.append(run)


def test_full_it_refuses_restarts_and_goes_on(small_disk: Path) -> None:
    waits = one_phase(timer("t", "p", 3_600_000), listener("a", "APPROVAL", "p"))
    write_flow(small_disk, waits)
    with running(small_disk) as engine:
        with engine.client() as client:
            client.acknowledges = False
            started = start_until_full(client, "one")
            assert len(started) > 50
            refused = client.ask(Approve(run=started[0]))
            assert isinstance(refused, Refusal)
            status = client.ask(Status(run=started[0]))
            assert isinstance(status, Reply)
            assert status.runs[0].status == "running"
        engine.kill()
    with running(small_disk) as engine, engine.client() as client:
        client.receive()
        assert isinstance(client.ask(Status(run=started[-1])), Reply)
        (small_disk / "ballast").unlink()
        answer = client.ask(Approve(run=started[0]))
        assert isinstance(answer, Reply)
        assert answer.runs[0].status == "finished"
        assert len(client.events) == len(started)
        for run in started:
            told = client.events[run]
            assert [event.number for event in told] == list(range(len(told)))
        assert engine.terminate() == 0
