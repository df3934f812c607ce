"""Sign in to a stack and out of it."""

from pathlib import Path
from typing import Any

import click

from heddle.cli.connect import (
    SavedSession,
    router_address,
    run_until_done,
    save_session,
    session_file,
)
from heddle.cli.show import when
from heddle.contract.declare import SYSTEM_REALM
from heddle.contract.people import OPEN_SESSION, OpenSession
from heddle.wamp.joining import Joined, TicketCredentials


@click.command()
@click.argument("url", default="http://127.0.0.1:8080")
@click.option("--user", prompt="User", help="Your name there.")
@click.option(
    "--password-file",
    type=click.File("r"),
    help="Read the password from a file (- for standard input); asked for otherwise.",
)
@click.option("--project", help="Needed only if you are in several.")
def login(url: str, user: str, password_file: Any, project: str | None) -> None:
    """Sign in to the stack whose page is at URL."""
    if password_file is not None:
        password = password_file.read().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True)
    router = router_address(url)

    async def sign_in(reactor: Any) -> None:
        link = Joined(reactor, router, SYSTEM_REALM, TicketCredentials(user, password))
        async with link as session:
            ticket = await session.call(OPEN_SESSION, OpenSession(project=project))
        save_session(SavedSession(router=router, ticket=ticket))
        click.echo(
            f"signed in to project {ticket.project} as {ticket.user} ({ticket.role}), "
            f"until {when(ticket.expires_at_ms)} and longer while used"
        )

    run_until_done(sign_in)


@click.command()
def logout() -> None:
    """Forget the saved session."""
    file: Path = session_file()
    if not file.exists():
        click.echo("not signed in")
        return
    file.unlink()
    click.echo("signed out")
