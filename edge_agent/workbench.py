"""For who connects a device: judges a tag file, looks around, reads and writes.

``heddle-agent tags check|browse|read|write FILE`` works without a router, an enrolment
or a running agent; what it needs of the peer's certificates it keeps where the agent
does (``--data``).
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table
from twisted.internet import task
from twisted.internet.defer import Deferred

from edge_agent.agent import make_connections, make_tags
from edge_agent.drivers.connections import Connections
from edge_agent.drivers.driver import DriverFailed, Found, Reading, Value
from edge_agent.mapping import TagFile, load_mapping
from heddle.contract.declare import LocalError
from heddle.contract.devices import TagType
from heddle.contract.samples import Quality
from heddle.wamp.process import ConfigError

LINKED_WITHIN_S = 15.0
LOOK_EVERY_S = 0.05

_FILE = click.argument("file", type=click.Path(path_type=Path))
_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="this folder",
    help="The agent's folder (AGENT_DATA), where drivers keep their keys.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON, one a line.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def tags() -> None:
    """Try out a tag file (AGENT_TAGS) and the devices it connects to."""


@tags.command()
@_FILE
@_DATA
def check(file: Path, data: Path) -> None:
    """Judge FILE without connecting to anything."""

    async def judge(_: Any, driver: Connections, read: TagFile) -> None:
        table = make_tags(driver, read)
        derived = sum(1 for each in read.tags.values() if each.expression)
        click.echo(
            f"{file}: {len(read.connections)} connections, {len(table.tags)} tags, "
            f"{derived} of them derived"
        )

    _run(file, data, judge)


@tags.command()
@_FILE
@click.argument("place", default="")
@_DATA
@_JSON
def browse(file: Path, place: str, data: Path, *, as_json: bool) -> None:
    """Tell what there is at PLACE: CONNECTION, or CONNECTION/ADDRESS."""

    async def look(reactor: Any, driver: Connections, _: TagFile) -> None:
        name = place.partition("/")[0]
        if name:
            await _linked(reactor, driver, [name])
        _show_found(await driver.browse(place), as_json=as_json)

    _run(file, data, look)


@tags.command()
@_FILE
@click.argument("names", metavar="[TAG]...", nargs=-1)
@_DATA
@_JSON
def read(file: Path, names: Sequence[str], data: Path, *, as_json: bool) -> None:
    """Read the TAGs (all, if none is named) from their devices, once."""

    async def ask(reactor: Any, driver: Connections, what: TagFile) -> None:
        of = {name: _connection(what, name) for name in names or _connected(what)}
        await _linked(reactor, driver, sorted(set(of.values())))
        readings, failed = [], []
        for name in of:
            try:
                readings.append(await driver.read(name))
            except DriverFailed as error:
                failed.append(f"{name}: {error}")
        units = {tag.tag: tag.unit for tag in make_tags(driver, what).tags.values()}
        _show_readings(readings, units, as_json=as_json)
        if failed:
            raise DriverFailed("; ".join(failed))

    _run(file, data, ask)


@tags.command()
@_FILE
@click.argument("name", metavar="TAG")
@click.argument("value")
@_DATA
def write(file: Path, name: str, value: str, data: Path) -> None:
    """Write VALUE to a TAG, and read it back: a real device moves!"""

    async def order(reactor: Any, driver: Connections, what: TagFile) -> None:
        await _linked(reactor, driver, [_connection(what, name)])
        kind = what.tags[name].type or TagType.FLOAT
        await driver.write(name, _value(kind, value))
        click.echo(f"{name} set to {value}")

    _run(file, data, order)


# --- around a command ----------------------------------------------------------------


def _run(
    file: Path,
    data: Path,
    command: Callable[[Any, Connections, TagFile], Awaitable[None]],
) -> None:
    async def guarded(reactor: Any) -> None:
        what = load_mapping(file)
        driver = make_connections(reactor, data, what)
        try:
            await command(reactor, driver, what)
        finally:
            await driver.stop()

    failed: list[LocalError] = []

    async def told(reactor: Any) -> None:
        try:
            await guarded(reactor)
        except LocalError as error:
            failed.append(error)

    try:
        task.react(lambda reactor: Deferred.fromCoroutine(told(reactor)))
    except SystemExit as end:
        if end.code:
            raise
    if failed:
        click.echo(f"heddle-agent: {failed[0]}", err=True)
        raise SystemExit(2 if isinstance(failed[0], ConfigError) else 1)


async def _linked(reactor: Any, driver: Connections, names: Sequence[str]) -> None:
    """Wait for connections to be up. Raises ``DriverFailed`` saying why one is not."""
    up: set[str] = set()

    def hear(readings: Sequence[Reading]) -> None:
        up.update(each.tag for each in readings if each.value is True)

    wanted = driver.links(names)
    for link in wanted:
        link.subscribe(hear)
    deadline = reactor.seconds() + LINKED_WITHIN_S
    while waiting := [link for link in wanted if link.link_tag not in up]:
        if reactor.seconds() > deadline or waiting[0].why_down:
            raise DriverFailed(
                f"connection {waiting[0].name}: "
                f"{waiting[0].why_down or 'it did not answer in time'}"
            )
        await task.deferLater(reactor, LOOK_EVERY_S)


def _connected(what: TagFile) -> list[str]:
    return [name for name, each in what.tags.items() if each.connection is not None]


def _connection(what: TagFile, name: str) -> str:
    settings = what.tags.get(name)
    if settings is None or settings.connection is None:
        have = ", ".join(_connected(what)) or "none"
        raise DriverFailed(f"{what.source} connects no tag {name!r}; it has {have}")
    return settings.connection


def _value(kind: TagType, text: str) -> Value:
    words = {"true": True, "on": True, "1": True, "false": False, "off": False}
    match kind:
        case TagType.BOOLEAN:
            if (value := ({**words, "0": False}).get(text.lower())) is None:
                raise DriverFailed(f"{text!r} is neither true nor false")
            return value
        case TagType.TEXT | TagType.JSON:
            return text
        case _:
            try:
                return float(text)
            except ValueError:
                raise DriverFailed(f"{text!r} is no number") from None


# --- what is shown -------------------------------------------------------------------


def _show_found(found: Sequence[Found], *, as_json: bool) -> None:
    if as_json:
        for each in found:
            click.echo(msgspec.json.encode(each).decode())
        return
    address = Column("address", no_wrap=True)  # to be copied whole
    table = Table(address, "name", "type", "value", box=None, pad_edge=False)
    for each in found:
        kind = f"{each.type}{', writable' if each.writable else ''}"
        name = each.name if each.is_tag else f"{each.name}/"
        table.add_row(each.address, name, kind, each.value)
    Console().print(table if found else "nothing is here")


def _show_readings(
    readings: Sequence[Reading], units: dict[str, str], *, as_json: bool
) -> None:
    if as_json:
        for each in readings:
            click.echo(msgspec.json.encode(each).decode())
        return
    table = Table("tag", "value", "unit", "quality", box=None, pad_edge=False)
    for each in readings:
        value = "" if each.value is None else f"{each.value}"
        quality = Quality(each.quality).name.lower()
        table.add_row(each.tag, value, units.get(each.tag, ""), quality)
    Console().print(table)
