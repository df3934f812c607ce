"""Sign in to a stack and out of it: as a person, or as a program with a key."""

import os
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from heddle import __version__
from heddle.cli.connect import (
    SavedSession,
    own_trust,
    router_address,
    run_until_done,
    save_session,
    session_file,
)
from heddle.cli.show import when
from heddle.contract.accounts import API_KEY_PREFIX
from heddle.contract.declare import SYSTEM_REALM
from heddle.contract.people import OPEN_SESSION, OpenSession
from heddle.tls.trust import is_secure
from heddle.wamp.joining import Joined, TicketCredentials

API_KEY_VARIABLE = "HEDDLE_API_KEY"

password_option = click.option(
    "--password-file",
    type=click.File("r"),
    help="Read the password from a file (- for standard input); asked for otherwise.",
)


@click.command()
@click.argument("url", default="http://127.0.0.1:8080")
@click.option("--user", help="Your name there; asked for otherwise.")
@password_option
@click.option(
    "--key-file",
    type=click.File("r"),
    help="Sign in with a key for programs, from a file; or from $HEDDLE_API_KEY.",
)
@click.option("--project", help="Needed only if you are in several.")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path, resolve_path=True),
    envvar="HEDDLE_CA",
    help="Of https://: who signed its certificate, if this machine does not know them.",
)
def login(
    url: str,
    user: str | None,
    password_file: Any,
    key_file: Any,
    project: str | None,
    ca: Path | None,
) -> None:
    """Sign in to the stack whose page is at URL."""
    router = router_address(url)
    warn_if_overheard(router)
    credentials = _credentials(user, password_file, key_file)
    trust = replace(own_trust(), ca=ca)

    async def sign_in(reactor: Any) -> None:
        async with Joined(reactor, router, SYSTEM_REALM, credentials, trust) as session:
            request = OpenSession(project=project, client=this_client())
            ticket = await session.call(OPEN_SESSION, request)
        known = None if ca is None else str(ca)
        save_session(SavedSession(router=router, ticket=ticket, ca=known))
        click.echo(
            f"signed in to project {ticket.project} as {ticket.user} ({ticket.role}), "
            f"until {when(ticket.expires_at_ms)} and longer while used"
        )

    run_until_done(sign_in)


def warn_if_overheard(router: str) -> None:
    """Tell who is about to send a password over a network that it can be read."""
    host = urlsplit(router).hostname or ""
    if not is_secure(router) and not (host == "localhost" or host.startswith("127.")):
        click.echo(
            f"heddle: the link to {host} is not encrypted: who listens in learns what "
            "you sign in with; use https:// if the router has a certificate",
            err=True,
        )


def _credentials(
    user: str | None, password_file: Any, key_file: Any
) -> TicketCredentials:
    token = key_file.read() if key_file is not None else None
    if token is None and user is None:
        token = os.environ.get(API_KEY_VARIABLE)
    if token is not None:
        return key_credentials(token)
    name = user or click.prompt("User")
    return TicketCredentials(name, the_password(password_file))


def key_credentials(token: str) -> TicketCredentials:
    """What a key ``hdl_<id>_<secret>`` signs in with; it is never shown."""
    match token.strip().split("_"):
        case ["hdl", key, secret] if key and secret:
            return TicketCredentials(API_KEY_PREFIX + key, secret)
    raise click.UsageError(
        f"the key in the file, or in ${API_KEY_VARIABLE}, is not one of "
        "`heddle key create`: hdl_ID_SECRET"
    )


def the_password(file: Any, prompt: str = "Password") -> str:
    """The password in a file, or asked for without showing it."""
    if file is not None:
        return str(file.read()).rstrip("\r\n")
    return str(click.prompt(prompt, hide_input=True))


def this_client() -> str:
    """What we call ourselves in the list of sessions."""
    where = "".join(c if c.isprintable() else "?" for c in platform.node()[:100])
    return f"heddle {__version__} on {where or 'a host without a name'}"


@click.command()
def logout() -> None:
    """Forget the saved session. `heddle session end` makes it void as well."""
    file: Path = session_file()
    if not file.exists():
        click.echo("not signed in")
        return
    file.unlink()
    click.echo("signed out")
