"""Who may do what in a project: people, invitations, sessions, keys for programs."""

from typing import Any

import click

from heddle.cli.accounts_person import accept
from heddle.cli.connect import Client, client_command
from heddle.cli.login import the_password
from heddle.cli.parameters import duration_ms
from heddle.cli.show import show_json, show_table, when
from heddle.contract.accounts import (
    CHANGE_PASSWORD,
    CHANGE_ROLE,
    CREATE_API_KEY,
    END_SESSION,
    INVITE,
    LIST_API_KEYS,
    LIST_INVITATIONS,
    LIST_SESSIONS,
    REMOVE_USER,
    REVOKE_API_KEY,
    WITHDRAW_INVITATION,
    ChangePassword,
    ChangeRole,
    CreateApiKey,
    EndSession,
    InvitationRef,
    Invite,
    ListApiKeys,
    ListInvitations,
    ListSessions,
    RemoveUser,
    RevokeApiKey,
)
from heddle.contract.declare import PEOPLE, Role
from heddle.contract.people import LIST_USERS, ListUsers
from heddle.wamp.session import Session

_ROLES = click.Choice(sorted(role.value for role in PEOPLE))


def _seconds(ctx: object, option: object, value: str | None) -> int | None:
    found = duration_ms(ctx, option, value)
    if found is not None and found < 1000:  # noqa: PLR2004 -- a second
        raise click.BadParameter("a second at least")
    return None if found is None else found // 1000


@click.group()
def user() -> None:
    """People of the project."""


@user.command("list")
@client_command
def list_users(client: Client) -> None:
    """The people of the project."""

    async def work(session: Session) -> None:
        found = await session.call(LIST_USERS, ListUsers())
        if client.json:
            show_json(found)
        else:
            show_table(("USER", "ROLE"), ((one.user, one.role) for one in found.users))

    client.run(work)


@user.command("invite")
@click.argument("role", type=_ROLES)
@click.option("--user", "only", help="Only this person may accept it.")
@click.option("--valid", "valid_s", callback=_seconds, default="7d", show_default=True)
@client_command
def invite(client: Client, role: str, *, only: str | None, valid_s: int) -> None:
    """Make a code by which one person joins the project as ROLE."""

    async def work(session: Session) -> None:
        request = Invite(role=Role(role), user=only, valid_s=valid_s)
        made = await session.call(INVITE, request)
        if client.json:
            show_json(made)
            return
        who = f"{made.user}" if made.user else "one person"
        click.echo(
            f"{made.code}\nfor {who} as {made.role}, once, until "
            f"{when(made.expires_at_ms)}; to join:\n"
            "  heddle invitation accept            with an account here\n"
            "  heddle invitation accept --user NAME --url URL    without one"
        )

    client.run(work)


@user.command("role")
@click.argument("user")
@click.argument("role", type=_ROLES)
@client_command
def change_role(client: Client, user: str, role: str) -> None:
    """Make USER a ROLE of the project; their sessions in it end."""

    async def work(session: Session) -> None:
        done = await session.call(CHANGE_ROLE, ChangeRole(user=user, role=Role(role)))
        if client.json:
            show_json(done)
        else:
            click.echo(f"{done.user} is {done.role} now")

    client.run(work)


@user.command("remove")
@click.argument("user")
@click.option("--yes", is_flag=True, help="Don't ask.")
@client_command
def remove_user(client: Client, user: str, *, yes: bool) -> None:
    """Take USER out of the project; their sessions in it end."""
    if not yes:
        click.confirm(f"Take {user} out of the project?", abort=True)

    async def work(session: Session) -> None:
        done = await session.call(REMOVE_USER, RemoveUser(user=user))
        if client.json:
            show_json(done)
        else:
            click.echo(f"{done.user}, who was {done.role}, is out of the project")

    client.run(work)


@user.command("password")
@click.option(
    "--old-password-file", type=click.File("r"), help="Asked for otherwise (- stdin)."
)
@click.option(
    "--new-password-file", type=click.File("r"), help="Asked for otherwise (- stdin)."
)
@client_command
def change_password(
    client: Client, *, old_password_file: Any, new_password_file: Any
) -> None:
    """Choose another password; all your other sessions end."""
    old = the_password(old_password_file, "Old password")
    new = the_password(new_password_file, "New password")
    if new_password_file is None and the_password(None, "Once more") != new:
        raise click.UsageError("the two new passwords differ")

    async def work(session: Session) -> None:
        done = await session.call(CHANGE_PASSWORD, ChangePassword(old=old, new=new))
        if client.json:
            show_json(done)
        else:
            click.echo(f"changed; {done.sessions_ended} other sessions have ended")

    client.run(work)


@click.group()
def invitation() -> None:
    """Codes by which people join a project; `heddle user invite` makes them."""


@invitation.command("list")
@client_command
def list_invitations(client: Client) -> None:
    """Invitations that may still be accepted."""

    async def work(session: Session) -> None:
        found = await session.call(LIST_INVITATIONS, ListInvitations())
        if client.json:
            show_json(found)
            return
        show_table(
            ("INVITATION", "ROLE", "FOR", "BY", "UNTIL"),
            (
                (x.invitation, x.role, x.user, x.created_by, when(x.expires_at_ms))
                for x in found.invitations
            ),
        )

    client.run(work)


@invitation.command("withdraw")
@click.argument("invitation")
@client_command
def withdraw(client: Client, invitation: str) -> None:
    """Make INVITATION void."""

    async def work(session: Session) -> None:
        request = InvitationRef(invitation=invitation)
        left = await session.call(WITHDRAW_INVITATION, request)
        if client.json:
            show_json(left)
        else:
            click.echo(f"{invitation} is void; {len(left.invitations)} are open")

    client.run(work)


invitation.add_command(accept)


@click.group()
def session() -> None:
    """Sign-ins that are open."""


@session.command("list")
@click.option("--all", "everybody", is_flag=True, help="Of everybody; owners only.")
@client_command
def list_sessions(client: Client, *, everybody: bool) -> None:
    """Your sessions in the project."""

    async def work(session: Session) -> None:
        found = await session.call(LIST_SESSIONS, ListSessions(mine=not everybody))
        if client.json:
            show_json(found)
            return
        show_table(
            ("SESSION", "USER", "ROLE", "OPENED", "RENEWED", "CLIENT", ""),
            (
                (
                    x.session,
                    x.user,
                    x.role,
                    when(x.opened_at_ms),
                    when(x.renewed_at_ms),
                    x.client,
                    "this one" if x.is_this else "",
                )
                for x in found.sessions
            ),
        )

    client.run(work)


@session.command("end")
@click.argument("session")
@client_command
def end_session(client: Client, session: str) -> None:
    """End SESSION: its ticket is void, its connections are cut."""

    async def work(link: Session) -> None:
        done = await link.call(END_SESSION, EndSession(session=session))
        if client.json:
            show_json(done)
        else:
            click.echo(f"{done.session} has ended")

    client.run(work)


@click.group()
def key() -> None:
    """Keys with which programs sign in."""


@key.command("create")
@click.argument("name")
@click.option("--role", type=_ROLES, default="viewer", show_default=True)
@click.option("--valid", "valid_s", callback=_seconds, help="E.g. 90d; else no end.")
@client_command
def create_key(client: Client, name: str, *, role: str, valid_s: int | None) -> None:
    """Make a key for what NAME says; it is shown once."""

    async def work(session: Session) -> None:
        request = CreateApiKey(name=name, role=Role(role), valid_s=valid_s)
        made = await session.call(CREATE_API_KEY, request)
        if client.json:
            show_json(made)
            return
        until = (
            f"until {when(made.expires_at_ms)}" if made.expires_at_ms else "for good"
        )
        click.echo(made.token)
        click.echo(
            f"{made.key} is {made.role}, {until}; keep it in a file, and sign in with "
            "`heddle login --key-file FILE`, or set HEDDLE_API_KEY",
            err=True,
        )

    client.run(work)


@key.command("list")
@client_command
def list_keys(client: Client) -> None:
    """The project's keys."""

    async def work(session: Session) -> None:
        found = await session.call(LIST_API_KEYS, ListApiKeys())
        if client.json:
            show_json(found)
            return
        show_table(
            ("KEY", "NAME", "ROLE", "BY", "MADE", "LAST USED", "UNTIL"),
            (
                (
                    x.key,
                    x.name,
                    x.role,
                    x.created_by,
                    when(x.created_at_ms),
                    when(x.last_used_at_ms),
                    when(x.expires_at_ms),
                )
                for x in found.keys
            ),
        )

    client.run(work)


@key.command("revoke")
@click.argument("key")
@client_command
def revoke_key(client: Client, key: str) -> None:
    """Make KEY void; its sessions end."""

    async def work(session: Session) -> None:
        done = await session.call(REVOKE_API_KEY, RevokeApiKey(key=key))
        if client.json:
            show_json(done)
        else:
            click.echo(f"{done.key} opens nothing any more")

    client.run(work)
