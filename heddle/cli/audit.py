"""The audit trail: who did what, who was refused, and whether nothing was taken out."""

import json

import click

from heddle.cli.connect import Client, client_command
from heddle.cli.show import show_json, show_table, when
from heddle.contract.audit import (
    READ_AUDIT,
    VERIFY_AUDIT,
    AuditEntry,
    AuditOutcome,
    AuditPage,
    ReadAudit,
    VerifyAudit,
)
from heddle.contract.declare import LocalError
from heddle.wamp.session import Session

VERIFY_WITHIN_S = 3600.0
PAGE = 500


class TrailBroken(LocalError):
    """Something was changed in the audit trail, or taken out of it."""


_unplaced_option = click.option(
    "--unplaced",
    is_flag=True,
    help="What belongs to no project, e.g. strangers' keys. Administrators only.",
)


@click.group()
def audit() -> None:
    """Who did what in the project, and who was refused."""


@audit.command("list")
@click.option("--actor", help="Only what this person, key or device did.")
@click.option("--action", help="Only this action, or all that begin so: `user.`.")
@click.option("--subject", help="Only what was done to this.")
@click.option("--refused", is_flag=True, help="Only what was refused.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@_unplaced_option
@client_command
def list_audit(
    client: Client,
    *,
    actor: str | None,
    action: str | None,
    subject: str | None,
    refused: bool,
    limit: int,
    unplaced: bool,
) -> None:
    """Entries of the audit trail, newest first."""

    async def work(session: Session) -> None:
        entries: list[AuditEntry] = []
        more = True
        while more and len(entries) < limit:
            request = ReadAudit(
                actor=actor,
                action=action,
                subject=subject,
                outcome=AuditOutcome.REFUSED if refused else None,
                before=entries[-1].number if entries else None,
                most=min(PAGE, limit - len(entries)),
                unplaced=unplaced,
            )
            page = await session.call(READ_AUDIT, request)
            entries.extend(page.entries)
            more = page.more and bool(page.entries)
        if client.json:
            show_json(AuditPage(entries=tuple(entries), more=more))
        else:
            _show(entries)
            if more:
                click.echo(f"there are more than {limit}: see --limit", err=True)

    client.run(work)


def _show(entries: list[AuditEntry]) -> None:
    show_table(
        ("NO", "AT", "WHO", "ROLE", "ACTION", "SUBJECT", "OUTCOME", "DETAILS"),
        (
            (
                one.number,
                when(one.at_ms),
                one.actor or "(unknown)",
                one.role,
                one.action,
                one.subject,
                one.outcome,
                ", ".join(f"{name}={_short(x)}" for name, x in one.details.items()),
            )
            for one in entries
        ),
    )


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@audit.command("verify")
@click.option(
    "--head", default="", help="A head noted earlier: it must be there still."
)
@_unplaced_option
@client_command
def verify(client: Client, *, head: str, unplaced: bool) -> None:
    """Compute the whole trail again; exit code 1 if it was tampered with.

    Note the head it prints somewhere else: with --head, a trail whose end was cut off
    is found, too.
    """

    async def work(session: Session) -> None:
        request = VerifyAudit(head=head.strip(), unplaced=unplaced)
        verdict = await session.call(VERIFY_AUDIT, request, timeout_s=VERIFY_WITHIN_S)
        if client.json:
            show_json(verdict)
        elif verdict.holds:
            click.echo(f"{verdict.entries} entries hold; head {verdict.head or '-'}")
        if not verdict.holds:
            raise TrailBroken(
                f"the audit trail is broken at entry {verdict.broken_at}: "
                f"{verdict.detail}"
            )

    client.run(work)
