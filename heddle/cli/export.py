"""``heddle telemetry export``: history of any length into a file or a pipe.

It asks for a page at a time and writes it down before it asks for the next, so memory
stays flat. A file appears under its name when it is complete, not before.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from heddle.cli.connect import Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.ending import FAILED, MISUSED, fail
from heddle.cli.moments import range_options, the_tags
from heddle.cli.tables import FORMATS, NeedsPyarrow, Sheet, open_sheet
from heddle.contract.history import (
    HISTORY,
    MAX_ROWS_PER_REPLY,
    HistoryQuery,
    Series,
    TooManyRows,
)
from heddle.wamp.session import Session

BUCKETS_AT_ONCE = 10_000  # rows of one question
TO_STDOUT = "-"


@click.command("export")
@device_option
@range_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="By the file's name when left out; else csv.",
)
@click.option(
    "-o", "--output", default=TO_STDOUT, help="A file, or - for standard output."
)
@client_command
def export(
    client: Client,
    device: str | None,
    tags: tuple[str, ...],
    from_ms: int,
    to_ms: int,
    bucket_ms: int | None,
    format_: str | None,
    output: str,
) -> None:
    """Stored samples, or buckets of them, as CSV, Arrow or Parquet.

    A row for each sample, those of a tag together. Arrow and Parquet need the extra
    `export`: pip install 'heddle[export]'. In CSV, text that a spreadsheet would take
    for a formula has an apostrophe before it.
    """
    kind = format_ or _by_name(output)
    if kind == "parquet" and output == TO_STDOUT:
        fail("Parquet is no stream: name a file with -o", MISUSED)

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        query = HistoryQuery(
            device=target,
            tags=await the_tags(session, target, tags),
            from_ms=from_ms,
            to_ms=to_ms,
            bucket_ms=bucket_ms,
        )
        asked = _pages(session, query) if bucket_ms is None else _spans(session, query)
        with _sheet(kind, output, target, bucket_ms is not None) as sheet:
            progress = _Progress()
            async for series in asked:
                for one in series:
                    sheet.write(one)
                    progress.add(one)
            progress.end(output)

    client.run(work)


def _by_name(output: str) -> str:
    suffix = Path(output).suffix.removeprefix(".")
    return suffix if suffix in FORMATS else "csv"


async def _pages(
    session: Session, query: HistoryQuery
) -> AsyncIterator[tuple[Series, ...]]:
    """Samples, page by page."""
    page: str | None = ""
    while page is not None:
        asked = replace(query, page=page, limit=MAX_ROWS_PER_REPLY)
        found = await session.call(HISTORY, asked)
        yield found.series
        page = found.next_page


async def _spans(
    session: Session, query: HistoryQuery
) -> AsyncIterator[tuple[Series, ...]]:
    """Buckets, as many tags and as long a span at a time as one answer holds."""
    width = query.bucket_ms or 1
    at_once = query.tags[:BUCKETS_AT_ONCE]
    since, buckets = query.from_ms, max(BUCKETS_AT_ONCE // len(at_once), 1)
    while since < query.to_ms:
        until = min(since - since % width + buckets * width, query.to_ms)
        asked = replace(query, from_ms=since, to_ms=until, limit=BUCKETS_AT_ONCE)
        try:
            found = await session.call(HISTORY, asked)
        except TooManyRows:
            if buckets == 1:
                raise
            buckets //= 2  # a tag of several units or long texts
            continue
        yield found.series
        since = until


@contextmanager
def _sheet(kind: str, output: str, device: str, in_buckets: bool) -> Iterator[Sheet]:
    try:
        if output == TO_STDOUT:
            with open_sheet(kind, sys.stdout.buffer, device, in_buckets) as sheet:
                yield sheet
            sys.stdout.flush()
            return
        with (
            _appearing(Path(output)) as part,
            part.open("wb") as file,
            open_sheet(kind, file, device, in_buckets) as sheet,
        ):
            yield sheet
    except NeedsPyarrow as flaw:
        fail(str(flaw), MISUSED)
    except OSError as flaw:
        if isinstance(flaw, BrokenPipeError):
            raise
        fail(f"{output} cannot be written: {flaw.strerror}", FAILED)


@contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """A name to write to; it becomes ``file`` in the end, or nothing."""
    part = file.with_name(f".{file.name}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


class _Progress:
    """Tells a person on a terminal how far it is, and everyone what it came to."""

    def __init__(self) -> None:
        self._rows = 0
        self._is_seen = sys.stderr.isatty()

    def add(self, series: Series) -> None:
        """So much more was written."""
        self._rows += len(series.at_ms)
        if self._is_seen:
            click.echo(f"\r{self._rows:,} rows, {series.tag}\033[K", err=True, nl=False)

    def end(self, output: str) -> None:
        """All of it was."""
        start = "\r\033[K" if self._is_seen else ""
        place = "" if output == TO_STDOUT else f" in {output}"
        click.echo(f"{start}{self._rows:,} rows{place}", err=True)
