"""Notices of alarms: who is told outside of Heddle, by webhook or e-mail.

A secret comes from a file or standard input, never from the command line, where other
people of the machine could read it.
"""

from typing import Any

import click

from heddle.cli.connect import Client, client_command
from heddle.cli.show import show_json, show_table
from heddle.contract.alarm_notices import (
    LIST_NOTICE_TARGETS,
    REMOVE_NOTICE_TARGETS,
    SEND_TEST_NOTICE,
    SET_NOTICE_TARGETS,
    ListNoticeTargets,
    NoticeTarget,
    NoticeTargetList,
    NoticeTargetReport,
    RemoveNoticeTargets,
    SendTestNotice,
    SetNoticeTargets,
)
from heddle.contract.alarms import AlarmSeverity
from heddle.contract.declare import LocalError
from heddle.wamp.session import Session

HEADS = ("TARGET", "TELLS", "SECRET", "FROM", "DEVICE", "WAITING", "GIVEN UP", "ERROR")


class UnknownTarget(LocalError):
    """There is no target of that name."""


@click.group("notices")
def notices() -> None:
    """Who is told of alarms: webhooks and e-mail addresses."""


@notices.command("list")
@client_command
def list_targets(client: Client) -> None:
    """The targets, without their secrets, and how their notices fare."""

    async def work(session: Session) -> None:
        _show(client, await session.call(LIST_NOTICE_TARGETS, ListNoticeTargets()))

    client.run(work)


@notices.command("set")
@click.argument("target")
@click.option("--url", help="A webhook: gets a POST of JSON for each notice.")
@click.option(
    "--mail",
    metavar="ADDRESS",
    multiple=True,
    help="Send e-mail to this address instead; may be given several times.",
)
@click.option(
    "--secret-file",
    type=click.File("r"),
    help="Read the webhook's bearer token from a file (- for standard input). Left "
    "out, a token set before stays.",
)
@click.option(
    "--min-severity",
    type=click.Choice([each.value for each in AlarmSeverity]),
    default=AlarmSeverity.LOW.value,
    show_default=True,
    help="Tell of alarms from this severity upwards.",
)
@click.option("--device", help="Tell only of alarms of this device.")
@click.option("--cleared", is_flag=True, help="Tell also when an alarm is over.")
@client_command
def set_target(
    client: Client,
    target: str,
    url: str | None,
    mail: tuple[str, ...],
    secret_file: Any,
    min_severity: str,
    device: str | None,
    cleared: bool,
) -> None:
    """Make TARGET, or change it to what is given here."""
    if (url is None) is not bool(mail):
        raise click.UsageError("give either --url or --mail")
    wanted = NoticeTarget(
        target=target,
        url=url,
        mail=mail,
        secret=_secret(secret_file),
        min_severity=AlarmSeverity(min_severity),
        device=device,
        cleared=cleared,
    )

    async def work(session: Session) -> None:
        request = SetNoticeTargets(targets=(wanted,))
        _show(client, await session.call(SET_NOTICE_TARGETS, request))

    client.run(work)


def _secret(file: Any) -> str | None:
    if file is None:
        return None
    secret = str(file.read()).rstrip("\r\n")
    if not secret:
        raise click.UsageError("--secret-file holds nothing")
    return secret


@notices.command("remove")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@client_command
def remove_targets(client: Client, targets: tuple[str, ...]) -> None:
    """Remove targets, and the notices that wait for them."""

    async def work(session: Session) -> None:
        there = await session.call(LIST_NOTICE_TARGETS, ListNoticeTargets())
        known = {report.target.target for report in there.targets}
        if missing := [name for name in targets if name not in known]:
            raise UnknownTarget(
                f"there is no target {', '.join(missing)}: nothing was removed, see "
                "`heddle alarm notices list`"
            )
        request = RemoveNoticeTargets(targets=targets)
        _show(client, await session.call(REMOVE_NOTICE_TARGETS, request))

    client.run(work)


@notices.command("test")
@click.argument("target")
@client_command
def send_test(client: Client, target: str) -> None:
    """Send TARGET a notice of an alarm that is none; fails if it is not taken."""

    async def work(session: Session) -> None:
        taken = await session.call(SEND_TEST_NOTICE, SendTestNotice(target=target))
        if client.json:
            show_json(taken)
        else:
            click.echo(f"{taken.target} has taken it")

    client.run(work)


def _show(client: Client, listed: NoticeTargetList) -> None:
    if client.json:
        show_json(listed)
    else:
        show_table(HEADS, map(_row, listed.targets))


def _row(report: NoticeTargetReport) -> tuple[object, ...]:
    target = report.target
    when = "and when over" if target.cleared else ""
    return (
        target.target,
        target.url or ", ".join(target.mail),
        "set" if report.has_secret else None,
        f"{target.min_severity} {when}".rstrip(),
        target.device or "all",
        report.waiting,
        report.given_up,
        report.error,
    )
