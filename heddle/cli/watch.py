"""``heddle telemetry watch``: the stored values of a device as they change.

What is stored comes first, then what moves: the live topic is heard before the latest
values are asked for, so nothing falls between, and of two values of a tag the newer is
shown, whichever came first.
"""

import sys
from collections.abc import Iterable

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from twisted.internet.defer import Deferred

from heddle.cli.connect import Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.show import clock_time, plain, show_json_line, shown
from heddle.cli.stored import LATEST_HEADS, latest_row
from heddle.contract.history import LATEST, LIVE, LatestQuery, ValueColumns
from heddle.contract.samples import Quality
from heddle.tag_values import TagValue, tag_values
from heddle.wamp.session import Session


class Board:
    """The newest value known of each tag."""

    def __init__(self, tags: Iterable[str] = ()) -> None:
        self._wanted = frozenset(tags)
        self._values: dict[str, TagValue] = {}

    def take(self, told: Iterable[TagValue]) -> list[TagValue]:
        """Take values in; those that are news."""
        news = []
        for value in told:
            known = self._values.get(value.tag)
            if self._wanted and value.tag not in self._wanted:
                continue
            if known is None or (value.at_ms >= known.at_ms and value != known):
                self._values[value.tag] = value
                news.append(value)
        return news

    @property
    def values(self) -> list[TagValue]:
        """All of them, by tag."""
        return [self._values[tag] for tag in sorted(self._values)]


@click.command("watch")
@device_option
@click.option("--tag", "tags", multiple=True, help="Only this tag; may be repeated.")
@click.option("--count", type=click.IntRange(1), help="Stop after so many values.")
@client_command
def watch(
    client: Client, device: str | None, tags: tuple[str, ...], count: int | None
) -> None:
    """The stored values of a device: all of them now, then those that change."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        enough: Deferred[None] = Deferred()
        board, screen = Board(tags), _screen(client, target)
        left = count

        def take(told: ValueColumns) -> None:
            nonlocal left
            news = board.take(tag_values(told))[:left]
            if not news or enough.called:
                return
            screen.show(board, news)
            if left is not None and (left := left - len(news)) <= 0:
                enough.callback(None)

        with screen:
            await session.hear(LIVE, lambda live, _: take(live.values), device=target)
            query = LatestQuery(device=target, tags=tags or None)
            take((await session.call(LATEST, query)).values)
            await enough

    client.run(work)


class _Lines:
    """A line for each value, as JSON or for people."""

    def __init__(self, device: str, as_json: bool) -> None:
        self._device = device
        self._as_json = as_json

    def __enter__(self) -> None:
        """There is nothing to prepare."""

    def __exit__(self, *_: object) -> None:
        """There is nothing to end."""

    def show(self, _: Board, news: list[TagValue]) -> None:
        """Print the news."""
        for value in news:
            word = Quality(value.quality).name.lower()
            if self._as_json:
                told = plain(value) | {"device": self._device, "quality": word}
                show_json_line(told)
            else:
                click.echo(
                    f"{clock_time(value.at_ms)}  {value.tag:<24} "
                    f"{shown(value.value):>12} {value.unit:<6} {word}"
                )


class _Screen:
    """A table on a terminal that stays in its place."""

    def __init__(self) -> None:
        self._live = Live(console=Console(highlight=False), auto_refresh=False)

    def __enter__(self) -> None:
        """Take the terminal."""
        self._live.start()

    def __exit__(self, *_: object) -> None:
        """Leave the last table standing."""
        self._live.stop()

    def show(self, board: Board, _: list[TagValue]) -> None:
        """Show everything anew."""
        table = Table(*LATEST_HEADS, box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for value in board.values:
            table.add_row(*latest_row(value))
        self._live.update(table, refresh=True)


def _screen(client: Client, device: str) -> _Lines | _Screen:
    if client.json or not sys.stdout.isatty():
        return _Lines(device, client.json)
    return _Screen()
