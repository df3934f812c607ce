"""How a command reaches its stack, and what it does when that fails.

The stack of ``--data`` is reached with the owner's key in that folder; a stack signed
in to is reached with the saved ticket, which is renewed as long as it is used.
"""

import functools
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ParamSpec
from urllib.parse import urlsplit

import click
import msgspec
from twisted.internet import task
from twisted.internet.defer import Deferred

from heddle.cli.ending import FAILED, NOT_CONNECTED, fail
from heddle.cli.names import device_names
from heddle.contract.declare import FleetError, LocalError, message, project_realm
from heddle.contract.devices import LIST_DEVICES, DeviceList, ListDevices
from heddle.contract.people import RENEW_SESSION, RenewSession, SessionTicket
from heddle.files import write_whole
from heddle.local.folder import ADMIN, DEFAULT_FOLDER, Folder, NoStack
from heddle.tls.trust import SYSTEM_TRUST, BadCertificate, Trust
from heddle.wamp.joining import (
    Credentials,
    Joined,
    KeyCredentials,
    Refused,
    TicketCredentials,
    Unreachable,
)
from heddle.wamp.keys import load_key
from heddle.wamp.session import ConnectionLost, Session

P = ParamSpec("P")

RENEW_BELOW_S = 600
KEEP_EVERY_S = 20.0


class NotSignedIn(LocalError):
    """There is no stack to talk to, or no valid ticket for it."""


class Ambiguous(LocalError):
    """The command would fit several things, or none; the sentence names them."""


@message
class SavedSession:
    """A ticket and where it is good for."""

    router: str
    ticket: SessionTicket
    ca: str | None = None  # the file of whom to trust there; this machine's trust else


def session_file() -> Path:
    """Where ``heddle login`` keeps the ticket."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "heddle" / "session.json"


def save_session(saved: SavedSession) -> None:
    """Keep a ticket, readable to its owner only."""
    file = session_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = json.dumps(msgspec.to_builtins(saved)).encode()
    write_whole(file, content, mode=0o600)


def saved_session() -> SavedSession | None:
    """What ``heddle login`` kept; raises ``NotSignedIn`` if that cannot be read."""
    try:
        return msgspec.convert(json.loads(session_file().read_text()), SavedSession)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, msgspec.ValidationError) as flaw:
        raise NotSignedIn(
            f"{session_file()} cannot be used ({flaw}): sign in again with "
            "`heddle login`"
        ) from None


def router_address(page: str) -> str:
    """The WAMP address of a page's address; WAMP addresses stay as they are."""
    parts = urlsplit(page if "://" in page else f"http://{page}")
    schemes = {"http": "ws", "https": "wss"}
    if parts.scheme not in schemes:
        return page
    return f"{schemes[parts.scheme]}://{parts.netloc}/ws"


@dataclass(frozen=True, slots=True)
class Target:
    """A realm to join and the means to."""

    router: str
    realm: str
    credentials: Credentials
    saved: SavedSession | None = None
    trust: Trust = SYSTEM_TRUST

    def link(self, reactor: Any) -> Joined:
        """A session there, to be entered."""
        return Joined(reactor, self.router, self.realm, self.credentials, self.trust)


def own_trust(saved: SavedSession | None = None) -> Trust:
    """Whom this command trusts, and what it shows: ``$HEDDLE_CA``,
    ``$HEDDLE_CLIENT_CERTIFICATE`` and ``$HEDDLE_CLIENT_KEY``; the CA also as given to
    ``heddle login``.
    """
    found = {
        name: os.environ.get(variable)
        for name, variable in (
            ("ca", "HEDDLE_CA"),
            ("certificate", "HEDDLE_CLIENT_CERTIFICATE"),
            ("key", "HEDDLE_CLIENT_KEY"),
        )
    }
    if saved is not None and not found["ca"]:
        found["ca"] = saved.ca
    return Trust(**{name: Path(file) for name, file in found.items() if file})


def _of_folder(root: Path) -> Target:
    folder = Folder(root)
    stack = folder.read_stack()
    key = load_key(folder.key(ADMIN))
    realm = project_realm(stack.project)
    return Target(stack.router, realm, KeyCredentials(key), trust=own_trust())


def find_target(data: Path | None) -> Target:
    """Which stack a command talks to; raises ``NotSignedIn`` if there is none."""
    if data is not None:
        return _of_folder(data)
    if (saved := saved_session()) is not None:
        ticket = saved.ticket
        if ticket.expires_at_ms <= time.time() * 1000:
            raise NotSignedIn(
                f"the session of {ticket.user} at {saved.router} has expired: "
                "sign in again with `heddle login`"
            )
        credentials = TicketCredentials(ticket.user, ticket.ticket)
        return Target(saved.router, ticket.realm, credentials, saved, own_trust(saved))
    if Folder(DEFAULT_FOLDER).stack.exists():
        return _of_folder(DEFAULT_FOLDER)
    raise NotSignedIn(
        "there is no stack to talk to: start one with `heddle up`, sign in to one with "
        "`heddle login URL`, or name a folder with --data"
    )


@dataclass(frozen=True, slots=True)
class Client:
    """What every command that talks to a stack is given."""

    data: Path | None
    json: bool

    def run(self, work: Callable[[Session], Awaitable[None]]) -> None:
        """Join, do ``work``, leave; an error becomes a sentence and an exit code."""

        async def joined(reactor: Any) -> None:
            target = find_target(self.data)
            async with target.link(reactor) as session:
                await renew(session, target)
                keeping = _keep(reactor, session, target)
                try:
                    await work(session)
                finally:
                    keeping.stop()

        run_until_done(joined)


async def renew(session: Session, target: Target) -> None:
    """Have a ticket that expires soon replaced, and keep the new one."""
    saved = target.saved
    if saved is None:
        return
    if saved.ticket.expires_at_ms - time.time() * 1000 < RENEW_BELOW_S * 1000:
        ticket = await session.call(RENEW_SESSION, RenewSession())
        save_session(replace(saved, ticket=ticket))


def _keep(reactor: Any, session: Session, target: Target) -> task.LoopingCall:
    """Renew the session's ticket for as long as the work takes."""
    ends_at_ms = target.saved.ticket.expires_at_ms if target.saved else None

    async def look() -> None:
        nonlocal ends_at_ms
        if ends_at_ms is None or ends_at_ms - time.time() * 1000 > RENEW_BELOW_S * 1000:
            return
        try:
            ticket = await session.call(RENEW_SESSION, RenewSession())
        except FleetError:
            return  # asked again soon; if the session was ended, it is cut
        ends_at_ms = ticket.expires_at_ms
        saved = saved_session()
        if saved is not None and saved.ticket.session == ticket.session:
            save_session(replace(saved, ticket=ticket))

    keeping = task.LoopingCall(lambda: Deferred.fromCoroutine(look()))
    keeping.clock = reactor
    _ = keeping.start(KEEP_EVERY_S, now=False).addErrback(
        lambda failure: click.echo(f"heddle: {failure.value}", err=True)
    )
    return keeping


NOT_THERE = (
    *(Refused, Unreachable, ConnectionLost),
    *(NotSignedIn, NoStack, BadCertificate),
)


def run_until_done(work: Callable[[Any], Awaitable[None]]) -> None:
    """Run ``work(reactor)`` and end the program with the fitting exit code."""

    async def guarded(reactor: Any) -> None:
        try:
            await work(reactor)
        except NOT_THERE as error:
            fail(str(error), NOT_CONNECTED)
        except FleetError as error:
            _tell_findings(error)
            fail(str(error), FAILED)
        except BrokenPipeError:
            os._exit(FAILED)  # whoever read our output has gone; nothing to say

    task.react(lambda reactor: Deferred.fromCoroutine(guarded(reactor)))


def _tell_findings(error: FleetError) -> None:
    findings = error.details.get("findings")
    if isinstance(findings, list):
        for finding in findings:
            where = finding.get("element") or "workflow"
            click.echo(
                f"  {finding.get('rule')} at {where}: {finding.get('message')}",
                err=True,
            )


def client_command(
    command: Callable[..., None],
) -> Callable[..., None]:
    """Give a command ``--data`` and ``--json`` and pass it a ``Client`` first."""

    @click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="HEDDLE_DATA",
        help="Talk to the stack of this folder, without signing in.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(command)
    def wrapped(data: Path | None, as_json: bool, **arguments: Any) -> None:
        command(Client(data, as_json), **arguments)

    return wrapped


device_option = click.option(
    "--device",
    shell_complete=device_names,
    help="The device; may be left out when the project has only one.",
)


async def the_device(session: Session, named: str | None) -> str:
    """The device named, or the project's only one; raises ``Ambiguous``."""
    if named is not None:
        return named
    found: DeviceList = await session.call(LIST_DEVICES, ListDevices())
    names = [device.device for device in found.devices]
    if len(names) == 1:
        return names[0]
    if not names:
        raise Ambiguous("the project has no device yet: see `heddle device code`")
    raise Ambiguous(f"name a device with --device: one of {', '.join(names)}")
