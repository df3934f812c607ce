"""Follows a Modbus device: asks for its places by scan time, tells what moved.

Places of one unit, table and scan time are asked for together, as few requests as the
limits allow. A request that the device refuses is parted until the bad places stand
alone: they are bad and told once, the others go on.
"""

import asyncio
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from twisted.logger import Logger

from edge_agent.drivers.driver import Found, Value
from edge_agent.drivers.linked import LinkLost, PeerRefused, Raw, Tell
from edge_agent.drivers.modbus.browse import browse
from edge_agent.drivers.modbus.formats import DoesNotFit
from edge_agent.drivers.modbus.line import (
    ILLEGAL_FUNCTION,
    Exceptional,
    Line,
    Table,
)
from edge_agent.drivers.modbus.places import Settings, Spot
from edge_agent.drivers.modbus.polls import Ask, Span, grouped
from edge_agent.drivers.racing import first_to_fail
from heddle.contract.samples import Quality

log = Logger()

REFUSED_EVERY_S = 5.0  # a gateway may take long to say that a unit is not there


@dataclass(order=True)
class _Due:
    """A request and when it is to be sent next."""

    at_s: float
    order: int
    every_s: float = field(compare=False)
    ask: Ask[Spot] = field(compare=False)


class ModbusPeer:
    """One connection to one device."""

    def __init__(self, name: str, settings: Settings, spots: Sequence[Spot]) -> None:
        self._name = name
        self._settings = settings
        self._spots = {spot.tag: spot for spot in spots}
        self._line: Line | None = None
        self._told: dict[str, Raw] = {}
        self._refused: dict[str, str] = {}  # what was told of tags that are bad
        self._changing = asyncio.Lock()  # between reading a register and writing it

    async def connect(self) -> None:
        """Reach the device."""
        settings = self._settings
        self._line = Line(settings.host, settings.port, settings.timeout_ms / 1000)
        await self._line.connect()

    async def follow(self, tell: Tell) -> None:
        """Ask and tell until the link is lost."""
        await first_to_fail(self._poll(tell), self._connected().lost())

    async def read(self, tag: str) -> Raw:
        """Read one tag."""
        spot = self._spots[tag]
        line = self._connected()
        try:
            found = await line.read(spot.table, spot.unit_id, spot.start, spot.count)
        except PeerRefused as refused:
            raise PeerRefused(f"{tag} ({spot.where}): {refused}") from None
        raw = Raw(tag, spot.value(found))
        if self._told.get(tag) != raw:
            self._told.pop(tag, None)  # whoever follows is told at the next poll
        return raw

    async def write(self, tag: str, raw: Value, key: str) -> None:
        """Write one tag: the same value again does no harm."""
        spot, line, settings = self._spots[tag], self._connected(), self._settings
        try:
            if spot.bit is not None:
                await self._write_bit(spot, bool(raw))
            elif spot.format is None:
                await line.write_coil(
                    spot.unit_id,
                    spot.start,
                    bool(raw),
                    multiple=settings.write_multiple,
                )
            else:
                await line.write_registers(
                    spot.unit_id,
                    spot.start,
                    spot.registers(raw),
                    multiple=settings.write_multiple,
                )
        except DoesNotFit as flaw:
            raise PeerRefused(f"{tag}: {flaw}") from None
        except Exceptional as refused:
            raise PeerRefused(
                f"{tag} ({spot.where}) was not taken: {refused}"
            ) from None

    async def browse(self, at: str) -> tuple[Found, ...]:
        """Read a range; there is nothing else to look at."""
        return await browse(self._connected(), self._settings, at)

    async def close(self) -> None:
        """Let go of the connection."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    # --- following -------------------------------------------------------------------

    async def _poll(self, tell: Tell) -> None:
        loop = asyncio.get_running_loop()
        order = count()
        now_s = loop.time()
        due = [_Due(now_s, next(order), every_s, ask) for every_s, ask in self._asks()]
        heapq.heapify(due)
        while due:
            first = heapq.heappop(due)
            await asyncio.sleep(first.at_s - loop.time())
            asks = await self._asked(first.ask, tell)
            passed = max(0.0, loop.time() - first.at_s) // first.every_s
            next_s = first.at_s + (passed + 1) * first.every_s
            for ask in asks:
                at_s = next_s
                if all(span.of.tag in self._refused for span in ask.spans):
                    at_s = max(next_s, loop.time() + REFUSED_EVERY_S)
                heapq.heappush(due, _Due(at_s, next(order), first.every_s, ask))
        await asyncio.Event().wait()  # nothing to ask; the line tells when it is lost

    def _asks(self) -> Iterable[tuple[float, Ask[Spot]]]:
        groups: dict[tuple[int, int, Table], list[Span[Spot]]] = {}
        for spot in self._spots.values():
            group = (spot.point.settings.scan_ms, spot.unit_id, spot.table)
            span = Span(spot.start, spot.count, spot)
            groups.setdefault(group, []).append(span)
        for (scan_ms, _, table), spans in groups.items():
            for ask in self._grouped(table, spans):
                yield scan_ms / 1000, ask

    def _grouped(self, table: Table, spans: list[Span[Spot]]) -> tuple[Ask[Spot], ...]:
        return grouped(spans, self._settings.limit(table), self._settings.max_gap)

    async def _asked(self, ask: Ask[Spot], tell: Tell) -> tuple[Ask[Spot], ...]:
        """Ask and tell; answers how to ask for the same the next time."""
        spot = ask.spans[0].of
        try:
            found = await self._connected().read(
                spot.table, spot.unit_id, ask.start, ask.count
            )
        except PeerRefused as refused:
            return await self._parted(ask, refused, tell)
        self._good(ask, found, tell)
        return (ask,)

    async def _parted(
        self, ask: Ask[Spot], refused: PeerRefused, tell: Tell
    ) -> tuple[Ask[Spot], ...]:
        """The parts of a refused request that are answered, and those that are not."""
        of_place = not isinstance(refused, Exceptional) or refused.of_place
        table = ask.spans[0].of.table
        settings = self._settings
        halves = ask.halves(settings.limit(table), settings.max_gap)
        if not of_place or not halves:
            self._bad(ask, refused, tell)
            return (ask,)
        parts: list[Ask[Spot]] = []
        for half in halves:
            parts += await self._asked(half, tell)
        return tuple(parts)

    def _good(self, ask: Ask[Spot], found: list[int], tell: Tell) -> None:
        raws = []
        for span in ask.spans:
            at = span.start - ask.start
            raws.append(Raw(span.of.tag, span.of.value(found[at : at + span.count])))
            if self._refused.pop(span.of.tag, None) is not None:
                log.info(
                    "connection {name}: {spot} is answered again",
                    name=self._name,
                    spot=span.of.where,
                )
        self._tell(raws, tell)

    def _bad(self, ask: Ask[Spot], refused: PeerRefused, tell: Tell) -> None:
        words = str(refused)
        fresh = [s.of for s in ask.spans if self._refused.get(s.of.tag) != words]
        self._refused |= {spot.tag: words for spot in fresh}
        if fresh:
            log.warn(
                "connection {name}: {words} for {spots}; {tags} bad until it answers",
                name=self._name,
                words=words,
                spots=", ".join(spot.where for spot in fresh),
                tags=", ".join(spot.tag for spot in fresh),
            )
        self._tell([Raw(s.of.tag, None, quality=Quality.BAD) for s in ask.spans], tell)

    def _tell(self, raws: Iterable[Raw], tell: Tell) -> None:
        moved = [raw for raw in raws if self._told.get(raw.tag) != raw]
        self._told |= {raw.tag: raw for raw in moved}
        if moved:
            tell(moved)

    # --- writing and browsing --------------------------------------------------------

    async def _write_bit(self, spot: Spot, value: bool) -> None:
        line, mask = self._connected(), spot.mask
        bits = mask if value else 0
        if self._settings.bit_write == "mask":
            try:
                await line.write_masked(spot.unit_id, spot.start, mask, bits)
            except Exceptional as refused:
                if refused.code != ILLEGAL_FUNCTION:
                    raise
                raise PeerRefused(
                    f"{spot.tag}: the device has no mask write (function 22); set "
                    'bit_write = "read_modify_write" if nothing else writes '
                    f"register {spot.start}"
                ) from None
            return
        async with self._changing:
            (before,) = await line.read(spot.table, spot.unit_id, spot.start, 1)
            await line.write_registers(
                spot.unit_id,
                spot.start,
                [before & ~mask | bits],
                multiple=self._settings.write_multiple,
            )

    def _connected(self) -> Line:
        if self._line is None:
            raise LinkLost("the connection is closed")
        return self._line
