"""Alarms: the list, the journal, key figures, and what an operator does about them."""

import time
from collections.abc import Callable, Iterator

import click

from heddle.cli.alarm_notices import notices
from heddle.cli.alarm_rules import remove_rules, set_rules, show_rules
from heddle.cli.connect import Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.parameters import duration_ms
from heddle.cli.show import moment, show_json, show_table, shown, when
from heddle.contract.alarm_answers import (
    AlarmEntry,
    AlarmJournalQuery,
    AlarmKpis,
    AlarmKpisQuery,
    AlarmReport,
    AlarmsQuery,
)
from heddle.contract.alarm_procedures import (
    ACTIVE_ALARMS,
    ALARM_COMMANDS,
    ALARM_JOURNAL,
    ALARM_KPIS,
)
from heddle.contract.alarms import AlarmAction, AlarmCommand, AlarmTransition
from heddle.wamp.session import Session

LIST_HEADS = ("STATE", "SEVERITY", "DEVICE", "ALARM", "TAG", "VALUE", "SINCE", "")
JOURNAL_HEADS = ("AT", "DEVICE", "ALARM", "CAUSE", "STATE", "VALUE", "WHO", "COMMENT")
COMMANDS = {
    "ack": (AlarmAction.ACKNOWLEDGE, "Acknowledge alarms: an operator has seen them."),
    "unshelve": (AlarmAction.UNSHELVE, "End a shelving before its time."),
    "suppress": (AlarmAction.SUPPRESS, "By design: they have no meaning now."),
    "unsuppress": (AlarmAction.UNSUPPRESS, "They have a meaning again."),
    "out-of-service": (AlarmAction.OUT_OF_SERVICE, "For maintenance."),
    "return": (AlarmAction.RETURN_TO_SERVICE, "Return to service."),
    "reset": (AlarmAction.RESET, "Release the latch of acknowledged alarms."),
    "comment": (AlarmAction.COMMENT, "Put a remark into the journal."),
}


@click.group()
def alarm() -> None:
    """Alarms of devices.

    What is done about alarms is done about those named; without names about every one
    of the device for which it makes sense.
    """


for command in (show_rules, set_rules, remove_rules, notices):
    alarm.add_command(command)

since_option = click.option(
    "--since",
    "span_ms",
    callback=duration_ms,
    default="24h",
    show_default=True,
    help="How far to look back, e.g. 90s, 15min or 7d.",
)


@alarm.command("list")
@click.option("--device", help="Only of this device.")
@client_command
def list_alarms(client: Client, device: str | None) -> None:
    """Alarms that are not normal, the most urgent first."""

    async def work(session: Session) -> None:
        found = await session.call(ACTIVE_ALARMS, AlarmsQuery(device=device))
        if client.json:
            show_json(found)
            return
        show_table(LIST_HEADS, map(_list_row, found.alarms))
        more = sum(found.by_state.values()) - len(found.alarms)
        if more > 0:
            click.echo(f"and {more} more")

    client.run(work)


def _list_row(report: AlarmReport) -> tuple[object, ...]:
    remarks = [
        "first" if report.first else "",
        f"until {when(report.shelved_until_ms)}" if report.shelved_until_ms else "",
        f"{report.who}: {report.comment}" if report.comment else report.who or "",
        report.text,
    ]
    return (
        report.state,
        report.severity,
        report.device,
        report.alarm,
        report.tag,
        shown(report.value),
        when(report.since_ms),
        "; ".join(x for x in remarks if x),
    )


@alarm.command("journal")
@click.option("--device", help="Only of this device.")
@click.option("--alarm", "name", help="Only this alarm.")
@since_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@client_command
def journal(
    client: Client, device: str | None, name: str | None, span_ms: int, limit: int
) -> None:
    """What became of alarms, the newest first."""

    async def work(session: Session) -> None:
        now_ms = int(time.time() * 1000)
        query = AlarmJournalQuery(
            from_ms=now_ms - span_ms,
            to_ms=now_ms + 1000,
            device=device,
            alarm=name,
            limit=limit,
        )
        found = await session.call(ALARM_JOURNAL, query)
        if client.json:
            show_json(found)
            return
        show_table(JOURNAL_HEADS, map(_journal_row, found.entries))
        if found.more is not None:
            click.echo("and more: see --limit")

    client.run(work)


def _journal_row(entry: AlarmEntry) -> tuple[object, ...]:
    one = entry.transition
    return (
        moment(one.at_us // 1000),
        entry.device,
        one.alarm,
        f"{one.cause} (first)" if one.first else one.cause,
        one.after,
        shown(one.value),
        one.who,
        one.comment,
    )


@alarm.command("kpis")
@click.option("--device", help="Only of this device.")
@since_option
@client_command
def kpis(client: Client, device: str | None, span_ms: int) -> None:
    """Key figures of ISA-18.2 and EEMUA 191."""

    async def work(session: Session) -> None:
        now_ms = int(time.time() * 1000)
        query = AlarmKpisQuery(from_ms=now_ms - span_ms, to_ms=now_ms, device=device)
        found = await session.call(ALARM_KPIS, query)
        if client.json:
            show_json(found)
        else:
            show_table(("FIGURE", "VALUE"), _kpi_rows(found))

    client.run(work)


def _kpi_rows(found: AlarmKpis) -> Iterator[tuple[str, object]]:
    yield "annunciated", found.annunciated
    yield "per 10 minutes, average", f"{found.average_per_10_min:.2f}"
    yield "per 10 minutes, peak", found.peak_per_10_min
    yield "time in flood", f"{found.in_flood:.1%}"
    for flood in found.floods:
        yield f"  flood from {when(flood.from_ms)}", flood.annunciated
    for severity, count in found.by_severity.items():
        yield f"severity {severity}", count
    for name, refs in (("chattering", found.chattering), ("stale", found.stale)):
        yield name, ", ".join(f"{x.device}/{x.alarm}" for x in refs) or "none"
    for one in found.top:
        share = f"{one.annunciated} ({one.share:.0%})"
        yield f"often: {one.device}/{one.alarm}", share


# --- what an operator does ---

names_argument = click.argument("alarms", metavar="[ALARM]...", nargs=-1)
comment_option = click.option("--comment", default="", help="For the journal.")


@alarm.command("shelve")
@names_argument
@device_option
@click.option(
    "--for",
    "span_ms",
    callback=duration_ms,
    required=True,
    help="For how long, e.g. 30min or 8h. It ends on time.",
)
@comment_option
@client_command
def shelve(
    client: Client,
    alarms: tuple[str, ...],
    device: str | None,
    span_ms: int,
    comment: str,
) -> None:
    """Hide alarms for a while."""
    until_ms = int(time.time() * 1000) + span_ms
    _do(client, AlarmAction.SHELVE, device, alarms, comment, until_ms)


def _do(
    client: Client,
    action: AlarmAction,
    device: str | None,
    alarms: tuple[str, ...],
    comment: str,
    until_ms: int | None = None,
) -> None:
    async def work(session: Session) -> None:
        command = AlarmCommand(
            device=await find_device(session, device),
            alarms=alarms or None,
            comment=comment,
            until_ms=until_ms,
        )
        moved = await session.call(ALARM_COMMANDS[action], command)
        if client.json:
            show_json(moved)
            return
        for one in moved.transitions:
            click.echo(_said(one))
        if not moved.transitions:
            click.echo("none")

    client.run(work)


def _said(one: AlarmTransition) -> str:
    return f"{one.alarm}: {one.cause}, {one.before} -> {one.after}"


def _command(name: str, action: AlarmAction, help_: str) -> None:
    @alarm.command(name, help=help_)
    @names_argument
    @device_option
    @comment_option
    @client_command
    def do(
        client: Client, alarms: tuple[str, ...], device: str | None, comment: str
    ) -> None:
        _do(client, action, device, alarms, comment)

    _made: Callable[..., object] = do


for name_, (action_, text_) in COMMANDS.items():
    _command(name_, action_, text_)
