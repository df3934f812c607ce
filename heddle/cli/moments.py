"""The range of time and the tags that commands about history ask for."""

import time
from collections.abc import Callable

import click

from heddle.cli.connect import Ambiguous
from heddle.cli.parameters import duration_ms, moment_ms
from heddle.contract.history import LATEST, LatestQuery
from heddle.wamp.session import Session


def when_ms(ctx: object, option: object, value: str) -> int:
    """``now``, ``-2h`` (so long ago) or an ISO 8601 moment, as unix milliseconds."""
    if value == "now":
        return int(time.time() * 1000)
    if value.startswith("-"):
        return int(time.time() * 1000) - (duration_ms(ctx, option, value[1:]) or 0)
    return moment_ms(ctx, option, value)


def range_options(command: Callable[..., None]) -> Callable[..., None]:
    """``--tag``, ``--from``, ``--to`` and ``--bucket``."""
    for option in (
        click.option(
            "--bucket",
            "bucket_ms",
            callback=duration_ms,
            help="Not every sample but buckets of this width, e.g. 10s or 1h.",
        ),
        click.option(
            "--to", "to_ms", callback=when_ms, default="now", help="A moment; excluded."
        ),
        click.option(
            "--from",
            "from_ms",
            callback=when_ms,
            default="-1h",
            show_default=True,
            help="A moment (ISO 8601; UTC without a zone), or so long ago, e.g. -2h.",
        ),
        click.option(
            "--tag", "tags", multiple=True, help="A tag; may be repeated. Else all."
        ),
    ):
        command = option(command)
    return command


async def the_tags(
    session: Session, device: str, named: tuple[str, ...]
) -> tuple[str, ...]:
    """The tags named, or all of which a value is stored; raises ``Ambiguous``."""
    if named:
        return named
    found = await session.call(LATEST, LatestQuery(device=device))
    if not found.values.tags:
        raise Ambiguous(f"nothing is stored of {device} yet")
    return found.values.tags
