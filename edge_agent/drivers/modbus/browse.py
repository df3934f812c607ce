"""A range of a Modbus device's addresses, as they are; names it has none."""

import re
from typing import Final, get_args

from edge_agent.drivers.driver import Found
from edge_agent.drivers.linked import PeerRefused
from edge_agent.drivers.modbus.line import Exceptional, Line, Table
from edge_agent.drivers.modbus.places import ADDRESSES, Settings
from edge_agent.drivers.modbus.polls import Ask, Span, grouped

MAX_BROWSED: Final = 1000
_RANGE = re.compile(r"(\w+)\s+(\d{1,5})(?:\.\.(\d{1,5}))?")


async def browse(line: Line, settings: Settings, at: str) -> tuple[Found, ...]:
    """What the addresses hold, ``at`` like "holding 0..20", without refused ones."""
    table, start, end = _range(at)
    spans = [Span(address, 1, address) for address in range(start, end + 1)]
    found: list[Found] = []
    for ask in grouped(spans, settings.limit(table), 0):
        found += await _browsed(line, settings, table, ask)
    return tuple(found)


async def _browsed(
    line: Line, settings: Settings, table: Table, ask: Ask[int]
) -> list[Found]:
    try:
        values = await line.read(table, settings.unit_id, ask.start, ask.count)
    except Exceptional as refused:
        if not refused.of_place:
            raise
        halves = ask.halves(settings.limit(table), 0)
        return [
            f for half in halves for f in await _browsed(line, settings, table, half)
        ]
    return [
        Found(
            address=f'table = "{table}", address = {address}',
            name=f"{table} {address}",
            is_tag=True,
            type="bool" if table in {"coil", "discrete"} else "uint16",
            writable=table in {"coil", "holding"},
            value=str(value),
        )
        for address, value in enumerate(values, ask.start)
    ]


def _range(at: str) -> tuple[Table, int, int]:
    found = _RANGE.fullmatch(at.strip())
    tables: dict[str, Table] = {table: table for table in get_args(Table)}
    if found is None or found[1] not in tables:
        raise PeerRefused(
            "Modbus has no names to look at; read a range instead, "
            f"for example 'holding 0..20' (tables: {', '.join(tables)})"
        )
    start, end = int(found[2]), int(found[3] or found[2])
    if not start <= end < ADDRESSES or end - start >= MAX_BROWSED:
        raise PeerRefused(
            f"{at!r} is no range of at most {MAX_BROWSED} addresses from 0 to 65535"
        )
    return tables[found[1]], start, end
