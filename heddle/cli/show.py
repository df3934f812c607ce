"""What a command prints: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 200


def show_json(reply: object) -> None:
    """Print a reply as one JSON document."""
    click.echo(json.dumps(plain(reply), ensure_ascii=False, indent=2))


def show_json_line(item: object) -> None:
    """Print one item of a stream as one line."""
    click.echo(json.dumps(plain(item), ensure_ascii=False))
    sys.stdout.flush()


def plain(reply: object) -> Any:
    """A message as plain lists and maps."""
    return msgspec.to_builtins(reply)


def show_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; an empty one says so."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*("-" if cell is None else str(cell) for cell in row))
    if not table.row_count:
        click.echo("none")
        return
    console = Console(
        highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH
    )
    console.print(table)


def when(at_ms: int | None) -> str:
    """A moment in the operator's time zone."""
    if at_ms is None:
        return "-"
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def clock_time(at_ms: float) -> str:
    """A moment of today, to the millisecond."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


def moment(at_ms: int) -> str:
    """A moment in the operator's time zone, to the millisecond."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"


def shown(value: object) -> str:
    """A value for people."""
    match value:
        case None:
            return "-"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
