"""``heddle telemetry gaps``: is everything there that a device has told?"""

from collections import Counter

import click

from heddle.cli.connect import Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.ending import FAILED, fail
from heddle.cli.parameters import moment_ms
from heddle.cli.show import show_json, show_table, when
from heddle.contract.samples import GAPS, EpochState, Gaps, GapsQuery
from heddle.wamp.session import Session


def _moment(ctx: object, option: object, value: str | None) -> int | None:
    return None if value is None else moment_ms(ctx, option, value)


@click.command("gaps")
@device_option
@click.option("--from", "from_ms", callback=_moment, help="Only losses from then on.")
@click.option("--to", "to_ms", callback=_moment, help="Only losses before that.")
@client_command
def gaps(
    client: Client, device: str | None, from_ms: int | None, to_ms: int | None
) -> None:
    """What of a device's streams is stored, and what was lost; 1 if anything was."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        query = GapsQuery(device=target, from_ms=from_ms, to_ms=to_ms)
        found = await session.call(GAPS, query)
        if client.json:
            show_json(found)
        else:
            _show(found)
        if not found.complete:
            fail(f"{target} is not complete: {reasons(found)}", FAILED)

    client.run(work)


def _show(found: Gaps) -> None:
    show_table(
        ("STREAM", "EPOCH", "STATE", "STORED", "TOO LATE", "LAST STORED"),
        (
            (
                epoch.stream.value,
                epoch.epoch[:12],
                epoch.state.value,
                epoch.next_number,
                epoch.expired,
                when(epoch.changed_at_ms),
            )
            for epoch in found.epochs
        ),
    )
    if found.losses:
        click.echo()
        show_table(
            ("LOST", "EPOCH", "FROM NUMBER", "ITEMS", "OLDEST", "NEWEST", "REASON"),
            (
                (
                    loss.stream.value,
                    loss.epoch[:12],
                    loss.first,
                    loss.count,
                    when(loss.from_ms),
                    when(loss.to_ms),
                    loss.reason,
                )
                for loss in found.losses
            ),
        )
    if found.complete:
        click.echo(f"\ncomplete: nothing of {found.device} is missing")


def reasons(found: Gaps) -> str:
    """Why it is not complete, in words."""
    lost = Counter[str]()
    for loss in found.losses:
        lost[loss.stream.value] += loss.count
    told = ", ".join(f"{count} {stream}" for stream, count in lost.items() if count)
    unknown = sum(e.state is EpochState.UNEXPLAINED for e in found.epochs)
    return "; ".join(
        part
        for part in (
            f"lost: {told}" if told else "",
            f"ended without a word: {unknown} epochs" if unknown else "",
        )
        if part
    )
