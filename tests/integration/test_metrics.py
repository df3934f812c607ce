"""What Prometheus reads: a real fleetdata counts what it did, over HTTP."""

import http.client
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from edge_agent import meters as agent_meters
from edge_agent.drivers.driver import Reading
from edge_agent.tags import TagTable
from heddle.contract.declare import InvalidRequest
from heddle.contract.devices import Tag
from heddle.contract.samples import INGEST, Quality, SequenceGap, Stream
from heddle.metrics import new_registry, serve_metrics
from heddle.wamp.process import ConfigError
from tests.integration.test_fleetdata import Setting, setting
from tests.support.batches import events, now_s, ramp, samples
from tests.support.databases import Server
from tests.support.fleet import running_fleet
from tests.support.ports import free_port
from tests.support.router import InProcRouter
from tests.support.storage import storage_on

NOW_S = now_s()


def fetch(port: int, path: str = "/metrics") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


async def scrape(port: int) -> dict[tuple[str, frozenset[str]], float]:
    """Every figure by its name and its labels' values."""
    status, text = await deferToThread(fetch, port)
    assert status == 200
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest_twisted.async_yield_fixture
async def plant(
    router: InProcRouter, embedded_server: Server
) -> AsyncIterator[tuple[Setting, int]]:
    port = free_port()
    with storage_on(embedded_server) as storage:
        async with setting(
            router,
            storage.project(),
            storage.running.dsn(),
            metrics=f"127.0.0.1:{port}",
        ) as found:
            await found.served()
            yield found, port


@pytest_twisted.ensureDeferred
async def test_a_scrape_tells_what_was_stored_and_refused(plant: Any) -> None:
    found, port = plant
    key = await found.backend.device(found.project, "press_7")
    async with found.device(key) as session:
        await session.call(INGEST, ramp(0, 10, NOW_S))
        await session.call(INGEST, ramp(0, 10, NOW_S))
        await session.call(INGEST, events(0, [0, 1], NOW_S))
        with pytest.raises(SequenceGap):
            await session.call(INGEST, ramp(50, 1, NOW_S))
        with pytest.raises(InvalidRequest):
            await session.call(INGEST, samples(-1, [("t", NOW_S, 1.0, 0)]))
    told = await scrape(port)

    def of(name: str, *labels: str) -> float:
        return told["heddle_fleetdata_" + name, frozenset((found.project, *labels))]

    assert of("rows_total", "samples") == 10
    assert of("rows_total", "run_events") == 2
    assert [of("batches_total", o) for o in ("new", "repeat", "gap")] == [2, 1, 1]
    assert of("refusals_total", "sequence_gap") == 1
    assert of("refusals_total", "invalid_request") == 1
    assert of("commit_seconds_count") == 4
    assert of("receipt_seconds_count") == 5
    assert of("database_up") == 1
    assert of("queue_bytes") == of("queue_batches") == of("reads_in_flight") == 0
    assert abs(of("lag_seconds")) < 3600
    assert told["process_resident_memory_bytes", frozenset()] > 0


@pytest_twisted.ensureDeferred
async def test_nothing_else_is_served(plant: Any) -> None:
    _, port = plant
    status, _ = await deferToThread(fetch, port, "/")
    assert status == 404


@pytest.mark.parametrize("address", ["", "9464", "127.0.0.1:", ":x", "h:0", "h:70000"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(ConfigError, match=r"X_METRICS is unusable.*HOST:PORT"):
        serve_metrics(None, address, new_registry(), setting="X_METRICS")


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_is_named(router: InProcRouter) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"nothing can listen on {address}"):
            serve_metrics(router.reactor, address, new_registry(), setting="X")


@pytest_twisted.ensureDeferred
async def test_the_backend_tells_who_is_online(plain_database: str, tmp_path) -> None:
    port = free_port()
    async with running_fleet(
        reactor, plain_database, tmp_path, metrics=f"127.0.0.1:{port}"
    ):
        told = await scrape(port)
    assert told["heddle_backend_devices_online", frozenset({"plant"})] == 0
    assert told["heddle_backend_database_up", frozenset()] == 1


@pytest_twisted.ensureDeferred
async def test_the_agent_tells_of_its_readings() -> None:
    port, tags = free_port(), TagTable((Tag(tag="a"), Tag(tag="b")))

    async def waiting() -> dict[Stream, int]:
        return {Stream.SAMPLES: 7, Stream.RUN_EVENTS: 0}

    stop = agent_meters.serve(
        reactor,
        f"127.0.0.1:{port}",
        tags=tags,
        is_linked=lambda: True,
        waiting=waiting,
    )
    try:
        tags.update([Reading("a", 1, 1.0), Reading("b", 1, None, Quality.BAD)])
        tags.update([Reading("a", 2, 2.0)])
        told = await scrape(port)
    finally:
        await stop()
    assert told["heddle_agent_readings_total", frozenset()] == 3
    assert told["heddle_agent_bad_tags", frozenset()] == 1
    assert told["heddle_agent_linked", frozenset()] == 1
    assert told["heddle_agent_outbox_items", frozenset({"samples"})] == 7
