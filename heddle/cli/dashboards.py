"""Dashboards as files: listed, fetched, saved and deleted."""

import json
from pathlib import Path

import click
import msgspec

from heddle.cli.connect import Client, client_command
from heddle.cli.show import show_json, show_table, when
from heddle.contract.dashboards import (
    DELETE_DASHBOARD,
    GET_DASHBOARD,
    LIST_DASHBOARDS,
    SAVE_DASHBOARD,
    DashboardRef,
    DashboardSummary,
    DeleteDashboard,
    ListDashboards,
    SaveDashboard,
)
from heddle.contract.declare import LocalError
from heddle.wamp.session import Session

_PAGE = 1_000
_TOLD = ("revision", "created_at_ms", "created_by", "changed_at_ms", "changed_by")


class BadDashboardFile(LocalError):
    """A file holds no dashboard; the sentence names the file and the field."""


@click.group()
def dashboard() -> None:
    """Dashboards of the project: what the page shows under Dashboards."""


@dashboard.command("list")
@client_command
def list_dashboards(client: Client) -> None:
    """The project's dashboards."""

    async def work(session: Session) -> None:
        found: list[DashboardSummary] = []
        more = True
        while more:
            after = found[-1].dashboard if found else ""
            request = ListDashboards(after=after, most=_PAGE)
            page = await session.call(LIST_DASHBOARDS, request)
            found += page.dashboards
            more = page.more
        if client.json:
            show_json({"dashboards": found})
            return
        show_table(
            ("DASHBOARD", "TITLE", "PANELS", "CHANGED", "BY"),
            [
                (
                    one.dashboard,
                    one.title,
                    str(one.panels),
                    when(one.changed_at_ms),
                    one.changed_by,
                )
                for one in found
            ],
        )

    client.run(work)


@dashboard.command("show")
@click.argument("dashboard")
@client_command
def show(client: Client, dashboard: str) -> None:
    """Print DASHBOARD as JSON: a file to change and save again."""

    async def work(session: Session) -> None:
        found = await session.call(GET_DASHBOARD, DashboardRef(dashboard=dashboard))
        show_json(found)

    client.run(work)


@dashboard.command("save")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--id", "dashboard", help="Save it as this one.")
@click.option("--force", is_flag=True, help="Though somebody changed it since.")
@client_command
def save(client: Client, file: Path, dashboard: str | None, force: bool) -> None:
    """Make or replace the dashboard of FILE, as `show` prints it.

    If FILE tells a revision, only if nobody changed the dashboard since.
    """
    request = read_dashboard(file, dashboard, force=force)

    async def work(session: Session) -> None:
        saved = await session.call(SAVE_DASHBOARD, request)
        if client.json:
            show_json(saved)
            return
        click.echo(f"{saved.dashboard} is saved: revision {saved.revision}")

    client.run(work)


def read_dashboard(file: Path, dashboard: str | None, *, force: bool) -> SaveDashboard:
    """What stands in a file; raises ``BadDashboardFile``.

    Saved under another id it has no revision of its own.
    """
    try:
        told = json.loads(file.read_text())
        if not isinstance(told, dict):
            raise BadDashboardFile(f"{file} holds no dashboard: it must be an object")
        revision = told.get("revision")
        given = {name: value for name, value in told.items() if name not in _TOLD}
        if dashboard is None or dashboard == told.get("dashboard"):
            given["if_revision"] = None if force else revision
        given["dashboard"] = dashboard or told.get("dashboard", "")
        return msgspec.convert(given, SaveDashboard)
    except OSError as error:
        raise BadDashboardFile(f"{file}: {error.strerror}") from None
    except RecursionError:
        raise BadDashboardFile(f"{file} is nested too deeply") from None
    except (ValueError, msgspec.ValidationError) as flaw:
        raise BadDashboardFile(f"{file} holds no dashboard: {flaw}") from None


@dashboard.command("delete")
@click.argument("dashboard")
@click.option("--yes", is_flag=True, help="Don't ask.")
@client_command
def delete(client: Client, dashboard: str, yes: bool) -> None:
    """Delete DASHBOARD for everybody in the project."""
    if not yes:
        click.confirm(f"Delete dashboard {dashboard}?", abort=True)

    async def work(session: Session) -> None:
        deleted = await session.call(
            DELETE_DASHBOARD, DeleteDashboard(dashboard=dashboard)
        )
        if client.json:
            show_json(deleted)
            return
        click.echo(f"{dashboard} is deleted")

    client.run(work)
