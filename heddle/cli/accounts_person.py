"""Commands of a person who has chosen no project yet: which there are, and joining one.

They need the system realm, which a project's ticket does not open: of a stack in a
folder the owner's key does, of a stack signed in to the password, which is asked for.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
from nacl.signing import SigningKey

from heddle.cli.connect import (
    Client,
    NotSignedIn,
    SavedSession,
    client_command,
    own_trust,
    router_address,
    run_until_done,
    save_session,
    saved_session,
)
from heddle.cli.login import (
    API_KEY_VARIABLE,
    key_credentials,
    password_option,
    the_password,
    this_client,
)
from heddle.cli.show import show_json, show_table, when
from heddle.contract.accounts import (
    ACCEPT_INVITATION,
    API_KEY_PREFIX,
    REGISTER_INVITED,
    AcceptInvitation,
    RegisterInvited,
)
from heddle.contract.declare import SYSTEM_REALM
from heddle.contract.people import (
    CREATE_PROJECT,
    LIST_PROJECTS,
    OPEN_SESSION,
    CreateProject,
    ListProjects,
    OpenSession,
)
from heddle.local.folder import ADMIN, DEFAULT_FOLDER, Folder
from heddle.wamp.joining import Credentials, Joined, KeyCredentials, TicketCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session


class Person(NamedTuple):
    """Where the system realm is, and who enters it."""

    router: str
    credentials: Credentials
    saved: SavedSession | None


def the_person(data: Path | None, password_file: Any) -> Person:
    """Who one is: the owner of a folder's stack, or who is signed in."""
    saved = saved_session() if data is None else None
    if saved is not None:
        return Person(saved.router, _of_saved(saved, password_file), saved)
    if data is None and not Folder(DEFAULT_FOLDER).stack.exists():
        raise NotSignedIn(
            "there is no stack to talk to: sign in to one with `heddle login URL`, or "
            "name a folder with --data"
        )
    folder = Folder(data or DEFAULT_FOLDER)
    router = folder.read_stack().router
    return Person(router, KeyCredentials(load_key(folder.key(ADMIN))), None)


def _of_saved(saved: SavedSession, password_file: Any) -> Credentials:
    user = saved.ticket.user
    if user.startswith(API_KEY_PREFIX) and (token := os.environ.get(API_KEY_VARIABLE)):
        return key_credentials(token)
    secret = the_password(password_file, f"Password of {user}")
    return TicketCredentials(user, secret)


def _run(
    client: Client,
    password_file: Any,
    work: Callable[[Session, Person], Awaitable[None]],
) -> None:
    async def joined(reactor: Any) -> None:
        person = the_person(client.data, password_file)
        link = Joined(
            reactor,
            person.router,
            SYSTEM_REALM,
            person.credentials,
            own_trust(person.saved),
        )
        async with link as session:
            await work(session, person)

    run_until_done(joined)


@click.group()
def project() -> None:
    """Projects: which you are in, which one to use, new ones."""


@project.command("list")
@password_option
@client_command
def list_projects(client: Client, *, password_file: Any) -> None:
    """The projects you are in."""

    async def work(session: Session, person: Person) -> None:
        found = await session.call(LIST_PROJECTS, ListProjects())
        if client.json:
            show_json(found)
            return
        used = person.saved.ticket.project if person.saved else None
        show_table(
            ("PROJECT", "NAME", "IN USE"),
            (
                (one.project, one.name, "yes" if one.project == used else "")
                for one in found.projects
            ),
        )

    _run(client, password_file, work)


@project.command("create")
@click.argument("project")
@click.option("--name", default="", help="What people call it.")
@password_option
@client_command
def create_project(
    client: Client, project: str, *, name: str, password_file: Any
) -> None:
    """Make PROJECT, with you as its owner. Administrators only."""

    async def work(session: Session, _person: Person) -> None:
        request = CreateProject(project=project, name=name)
        made = await session.call(CREATE_PROJECT, request, timeout_s=60)
        if client.json:
            show_json(made)
        else:
            click.echo(f"project {made.project} is ready: `heddle project use` it")

    _run(client, password_file, work)


@project.command("use")
@click.argument("project")
@password_option
@client_command
def use_project(client: Client, project: str, *, password_file: Any) -> None:
    """Have the commands to come talk to PROJECT."""

    async def work(session: Session, person: Person) -> None:
        request = OpenSession(project=project, client=this_client())
        ticket = await session.call(OPEN_SESSION, request)
        ca = person.saved.ca if person.saved is not None else None
        save_session(SavedSession(router=person.router, ticket=ticket, ca=ca))
        if client.json:
            show_json({"project": ticket.project, "role": ticket.role})
        else:
            click.echo(
                f"in project {ticket.project} as {ticket.user} ({ticket.role}), until "
                f"{when(ticket.expires_at_ms)} and longer while used"
            )

    _run(client, password_file, work)


@click.command("accept")
@click.argument("code", required=False)
@click.option("--url", help="The stack's page, if you are not signed in there.")
@click.option("--user", help="The name you want, if you have no account there yet.")
@password_option
@client_command
def accept(
    client: Client,
    code: str | None,
    *,
    url: str | None,
    user: str | None,
    password_file: Any,
) -> None:
    """Join a project by the CODE of an invitation; it is asked for if left out.

    With --user you become a user with a name and a password of your own.
    """
    said = code or click.prompt("Code")
    if user is not None:
        _register(client, said, url, user, password_file)
        return

    async def work(session: Session, _person: Person) -> None:
        joined = await session.call(ACCEPT_INVITATION, AcceptInvitation(code=said))
        if client.json:
            show_json(joined)
        else:
            click.echo(f"{joined.user} is {joined.role} now: `heddle project list`")

    _run(client, password_file, work)


def _register(
    client: Client, code: str, url: str | None, user: str, password_file: Any
) -> None:
    password = the_password(password_file, "New password")
    if password_file is None and the_password(None, "Once more") != password:
        raise click.UsageError("the two passwords differ")

    async def register(reactor: Any) -> None:
        saved = saved_session() if url is None else None
        router = router_address(url or "http://127.0.0.1:8080")
        if saved is not None:
            router = saved.router
        stranger = KeyCredentials(SigningKey.generate())
        trust = own_trust(saved)
        async with Joined(reactor, router, SYSTEM_REALM, stranger, trust) as session:
            request = RegisterInvited(user=user, code=code, password=password)
            made = await session.call(REGISTER_INVITED, request)
        if client.json:
            show_json(made)
        else:
            click.echo(f"{made.user} is {made.role} now: sign in with `heddle login`")

    run_until_done(register)
