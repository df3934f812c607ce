"""What an agent tells Prometheus. Loaded only where ``AGENT_METRICS`` is set."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from prometheus_client import Counter, Gauge
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from edge_agent.drivers.driver import Reading
from edge_agent.outbox import OutboxFailed
from edge_agent.tags import TagTable
from heddle.contract.samples import Quality, Stream
from heddle.metrics import new_registry, serve_metrics
from heddle.wamp.process import Stop

COUNT_EVERY_S = 5.0


def serve(
    reactor: Any,
    address: str,
    *,
    tags: TagTable,
    is_linked: Callable[[], bool],
    waiting: Callable[[], Awaitable[Mapping[Stream, int]]],
) -> Stop:
    """Serve the figures; returns how to stop it. Raises ``ConfigError``."""
    registry = new_registry()
    linked = Gauge(
        "heddle_agent_linked",
        "1 while there is a session with the router, else 0.",
        registry=registry,
    )
    linked.set_function(is_linked)
    readings = Counter(
        "heddle_agent_readings",
        "Readings of all tags, derived ones too, before any filter.",
        registry=registry,
    )
    bad = Gauge(
        "heddle_agent_bad_tags",
        "Tags whose newest reading is bad.",
        registry=registry,
    )
    bad.set_function(
        lambda: sum(each.quality is Quality.BAD for each in tags.all_now())
    )
    backlog = Gauge(
        "heddle_agent_outbox_items",
        f"Items waiting for fleetdata, counted every {COUNT_EVERY_S:g} s.",
        ("stream",),
        registry=registry,
    )

    def heard(told: Sequence[Reading]) -> None:
        readings.inc(len(told))

    async def count() -> None:
        try:
            for stream, items in (await waiting()).items():
                backlog.labels(stream.value).set(items)
        except OutboxFailed:
            backlog.clear()  # its disk is told of in the log

    stop_serving = serve_metrics(reactor, address, registry, setting="AGENT_METRICS")
    tags.hear(heard)
    counting = LoopingCall(lambda: Deferred.fromCoroutine(count()))
    counting.clock = reactor
    counted = counting.start(COUNT_EVERY_S)

    async def stop() -> None:
        counting.stop()
        await counted
        await stop_serving()

    return stop
