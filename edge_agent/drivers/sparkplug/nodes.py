"""An edge node as a host sees it: the view of it, kept up by its messages, with values.

The rules are in ``sparkplug_view``; here are its clocks, and what was said last.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from twisted.logger import Logger

from edge_agent.drivers.driver import Value
from edge_agent.drivers.mqtt.link import Message
from edge_agent.drivers.mqtt.payload import Malformed
from edge_agent.drivers.sparkplug.payload import (
    DataType,
    Metric,
    Payload,
    decode,
    encode,
    value_of,
)
from edge_agent.drivers.sparkplug.view import (
    REBIRTH,
    AskRebirth,
    Died,
    Doubted,
    Effect,
    Held,
    Input,
    Key,
    NodeView,
    Overdue,
    Said,
    Spoken,
    parts_of,
    step,
    topic_of,
)
from heddle.contract.samples import Quality

log = Logger()

ASK_EVERY_S = 5.0  # of one node: a storm of births helps nobody
LATEST_MS = 253_402_300_799_000

_GOOD, _STALE, _OPC_KIND, _OPC_UNCERTAIN = 192, 500, 0xC0, 0x40

NodeName = tuple[str, str]  # group and node


@dataclass(frozen=True, slots=True)
class Known:
    """What a metric said last."""

    type: int
    value: Value
    at_us: int | None
    quality: Quality


class EdgeNode:
    """One node; belongs to one session."""

    def __init__(
        self,
        name: NodeName,
        *,
        changed: Callable[["EdgeNode", Iterable[Key]], None],
        ask: Callable[["EdgeNode"], None],
        reorder_s: float,
    ) -> None:
        self.name = name
        self.view = NodeView()
        self.known: dict[Key, Known] = {}
        self._changed = changed
        self._ask = ask
        self._reorder_s = reorder_s
        self._loop = asyncio.get_running_loop()
        self._asked_at: float | None = None
        self._overdue: asyncio.TimerHandle | None = None

    @property
    def words(self) -> str:
        """Its name for a person."""
        return "/".join(self.name)

    def hear(self, said: Sequence[Input]) -> None:
        """Messages in the order they came."""
        touched: dict[Key, None] = {}
        for each in said:
            self.view, effects = step(self.view, each)
            for effect in effects:
                touched |= dict.fromkeys(self._do(effect))
        if touched:
            self._changed(self, touched)

    def ask_rebirth(self, why: str) -> None:
        """Ask for its births, unless that was just done."""
        now = self._loop.time()
        if self._asked_at is None or now - self._asked_at >= ASK_EVERY_S:
            self._asked_at = now
            log.info("asking {node} for a rebirth: {why}", node=self.words, why=why)
            self._ask(self)

    def stop(self) -> None:
        """Wait for nothing."""
        if self._overdue is not None:
            self._overdue.cancel()

    def _do(self, effect: Effect) -> Iterable[Key]:
        match effect:
            case Said():
                return self._note(effect)
            case Died(device):
                gone = [k for k in self.known if device is None or k[0] == device]
                for key in gone:
                    del self.known[key]
                return gone
            case Doubted():
                return self._doubt()
            case AskRebirth(why):
                self.ask_rebirth(why)
            case Held():
                self._wait()
            case _:
                assert_never(effect)
        return ()

    def _note(self, said: Said) -> Iterable[Key]:
        for name, type_, metric in said.metrics:
            at_ms = said.at_ms if metric.at_ms is None else metric.at_ms
            in_time = at_ms is not None and 0 < at_ms < LATEST_MS
            self.known[said.device, name] = Known(
                type_,
                value_of(type_, metric.wire),
                at_ms * 1000 if in_time and at_ms is not None else None,
                _quality(metric.quality),
            )
        return [(said.device, name) for name, _, _ in said.metrics]

    def _doubt(self) -> Iterable[Key]:
        good = [key for key, it in self.known.items() if it.quality is Quality.GOOD]
        for key in good:
            self.known[key] = replace(self.known[key], quality=Quality.UNCERTAIN)
        return good

    def _wait(self) -> None:
        if self._overdue is None:
            self._overdue = self._loop.call_later(self._reorder_s, self._time_is_up)

    def _time_is_up(self) -> None:
        self._overdue = None
        self.hear([Overdue()])


def spoken(messages: Sequence[Message]) -> dict[NodeName, list[Spoken]]:
    """Messages by the node that says them; what is malformed is told and left out."""
    of_node: dict[NodeName, list[Spoken]] = {}
    for message in messages:
        parts = parts_of(message.topic)
        if parts is None or message.retained or parts[1] in ("NCMD", "DCMD"):
            continue  # nothing of a node is retained, unless by mistake
        group, kind, node, device = parts
        try:
            payload = decode(message.payload)
        except Malformed as flaw:
            log.warn("{topic}: {flaw}", topic=message.topic, flaw=str(flaw))
            continue
        of_node.setdefault((group, node), []).append(Spoken(kind, device, payload))
    return of_node


def rebirth_of(name: NodeName) -> tuple[str, bytes]:
    """The command that asks a node to be born again: its topic and payload."""
    now_ms = int(time.time() * 1000)
    order = Metric(name=REBIRTH, at_ms=now_ms, type=DataType.BOOLEAN, wire=True)
    payload = encode(Payload(at_ms=now_ms, metrics=(order,)))
    return topic_of(name[0], "NCMD", name[1]), payload


def _quality(said: int | None) -> Quality:
    if said is None or said == _GOOD:
        return Quality.GOOD
    if said == _STALE or said & _OPC_KIND == _OPC_UNCERTAIN:
        return Quality.UNCERTAIN
    return Quality.GOOD if said & _OPC_KIND == _OPC_KIND else Quality.BAD
