"""What fleetdata has stored: ``heddle telemetry latest`` and ``history``."""

from collections.abc import Iterator

import click

from heddle.cli.connect import Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.moments import range_options, the_tags
from heddle.cli.show import moment, show_json, show_table, shown
from heddle.contract.history import (
    HISTORY,
    LATEST,
    Fill,
    HistoryQuery,
    LatestQuery,
    Series,
)
from heddle.contract.samples import Quality
from heddle.tag_values import TagValue, tag_values
from heddle.wamp.session import Session

LATEST_HEADS = ("TAG", "VALUE", "UNIT", "QUALITY", "AT")


@click.command("latest")
@device_option
@click.option("--tag", "tags", multiple=True, help="Only this tag; may be repeated.")
@client_command
def latest(client: Client, device: str | None, tags: tuple[str, ...]) -> None:
    """The newest stored value of each tag."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        query = LatestQuery(device=target, tags=tags or None)
        found = await session.call(LATEST, query)
        values = list(tag_values(found.values))
        if client.json:
            show_json({"device": target, "values": values})
        else:
            show_table(LATEST_HEADS, map(latest_row, values))

    client.run(work)


def latest_row(value: TagValue) -> tuple[str, ...]:
    """A value as a row of a table."""
    quality = Quality(value.quality).name.lower()
    at = moment(value.at_ms)
    return value.tag, shown(value.value), value.unit, quality, at


@click.command("history")
@device_option
@range_options
@click.option(
    "--fill",
    type=click.Choice([fill.value for fill in Fill]),
    default=Fill.NONE.value,
    help="What stands in a bucket without samples.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="At most so many rows. `heddle telemetry export` has no limit.",
)
@client_command
def history(
    client: Client,
    device: str | None,
    tags: tuple[str, ...],
    from_ms: int,
    to_ms: int,
    bucket_ms: int | None,
    fill: str,
    limit: int,
) -> None:
    """Stored samples, or buckets of them, of the last hour or another range."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        query = HistoryQuery(
            device=target,
            tags=await the_tags(session, target, tags),
            from_ms=from_ms,
            to_ms=to_ms,
            bucket_ms=bucket_ms,
            fill=Fill(fill),
            limit=limit,
            page="" if bucket_ms is None else None,
        )
        found = await session.call(HISTORY, query)
        if client.json:
            show_json(found)
            return
        heads = RAW_HEADS if bucket_ms is None else BUCKET_HEADS
        show_table(heads, (row for one in found.series for row in _rows(one)))
        if found.next_page is not None:
            click.echo(f"more than {limit} rows: see --limit, --bucket", err=True)

    client.run(work)


RAW_HEADS = ("TAG", "AT", "VALUE", "UNIT", "QUALITY")
BUCKET_HEADS = ("TAG", "FROM", "MEAN", "LOW", "HIGH", "FIRST", "LAST", "COUNT", "UNIT")


def _rows(series: Series) -> Iterator[tuple[str, ...]]:
    columns = (series.mean, series.low, series.high, series.first, series.last)
    for i, at_ms in enumerate(series.at_ms):
        if series.quality:
            value = series.text[i] if series.text else series.mean[i]
            quality = Quality(series.quality[i]).name.lower()
            yield series.tag, moment(at_ms), shown(value), series.unit, quality
            continue
        cells = (
            ("", "", "", "", shown(series.text[i]))
            if series.text
            else tuple(shown(column[i]) for column in columns)
        )
        count = str(series.count[i])
        yield series.tag, moment(at_ms), *cells, count, series.unit
