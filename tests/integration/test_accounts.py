"""Accounts with a real router and PostgreSQL: sessions, passwords, roles, keys."""

from dataclasses import replace

import psycopg
import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor

from heddle.contract.accounts import (
    ACCEPT_INVITATION,
    CHANGE_PASSWORD,
    CHANGE_ROLE,
    CREATE_API_KEY,
    END_SESSION,
    INVITE,
    LIST_API_KEYS,
    LIST_INVITATIONS,
    LIST_SESSIONS,
    REGISTER_INVITED,
    REMOVE_USER,
    REVOKE_API_KEY,
    WITHDRAW_INVITATION,
    AcceptInvitation,
    ApiKeyNotFound,
    ChangePassword,
    ChangeRole,
    CreateApiKey,
    EndSession,
    InvitationInvalid,
    InvitationRef,
    Invite,
    LastOwner,
    ListApiKeys,
    ListInvitations,
    ListSessions,
    PasswordWeak,
    PasswordWrong,
    RegisterInvited,
    RemoveUser,
    RevokeApiKey,
    SessionNotFound,
    UserNotFound,
)
from heddle.contract.declare import (
    SYSTEM_REALM,
    InvalidRequest,
    NotPermitted,
    Role,
)
from heddle.contract.gate import TicketInvalid
from heddle.contract.people import (
    CREATE_PROJECT,
    CREATE_USER,
    LIST_PROJECTS,
    LIST_USERS,
    OPEN_SESSION,
    RENEW_SESSION,
    CreateProject,
    CreateUser,
    ListProjects,
    ListUsers,
    OpenSession,
    Project,
    ProjectNotFound,
    RenewSession,
    User,
    UserExists,
)
from heddle.wamp.joining import Refused
from heddle.wamp.session import ConnectionLost, Session
from tests.support.fleet import Fleet, running_fleet
from tests.support.waiting import until

PASSWORD, BETTER = "a good password", "a better password"


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


async def add(fleet: Fleet, *users: str, role: Role = Role.VIEWER) -> None:
    async with fleet.owner() as owner:
        for user in users:
            request = CreateUser(user=user, role=role, password=PASSWORD)
            await owner.call(CREATE_USER, request)


async def is_cut(session: Session) -> None:
    """Wait until the router has cut the connection."""

    async def lost() -> bool:
        try:
            await session.call(LIST_SESSIONS, ListSessions())
        except ConnectionLost:
            return True
        return False

    await until(reactor, lost)


async def refused(joining) -> Refused:
    with pytest.raises(Refused) as caught:
        async with joining:
            pass
    return caught.value


@pytest_twisted.ensureDeferred
async def test_a_session_is_listed_and_goes_on_while_it_is_renewed(
    fleet: Fleet,
) -> None:
    await add(fleet, "vera")
    async with fleet.person("vera", PASSWORD) as person:
        ticket = await person.call(OPEN_SESSION, OpenSession(client="the test"))
    async with fleet.inside(ticket) as vera, fleet.owner() as owner:
        (mine,) = (await vera.call(LIST_SESSIONS, ListSessions())).sessions
        told = mine.session, mine.user, mine.role, mine.client, mine.is_this
        assert told == (ticket.session, "vera", Role.VIEWER, "the test", True)
        with pytest.raises(NotPermitted, match="only an owner"):
            await vera.call(LIST_SESSIONS, ListSessions(mine=False))
        found = (await owner.call(LIST_SESSIONS, ListSessions(mine=False))).sessions
        assert {"vera", "admin"} == {one.user for one in found}
        (guarded,) = (
            one
            for one in fleet.router.sessions()
            if getattr(one, "ticket_session", "") == ticket.session
        )
        tickets = fleet.backend._sessions._tickets
        fleet.backend._sessions._tickets = replace(tickets, valid_s=7200)
        before_s = guarded._deadline.getTime()
        renewed = await vera.call(RENEW_SESSION, RenewSession())
        assert renewed.session == ticket.session
        assert renewed.expires_at_ms > ticket.expires_at_ms
        assert guarded._deadline.getTime() > before_s + 3600  # it may stay for longer


@pytest_twisted.ensureDeferred
async def test_an_ended_session_is_cut_and_its_tickets_are_void(fleet: Fleet) -> None:
    await add(fleet, "vera", "otto")
    ticket = await fleet.ticket("plant", "vera", PASSWORD)
    other = await fleet.ticket("plant", "otto", PASSWORD)
    async with fleet.inside(ticket) as vera, fleet.owner() as owner:
        renewed = await vera.call(RENEW_SESSION, RenewSession())
        for session in (other.session, "nothing"):
            with pytest.raises(SessionNotFound):
                await vera.call(END_SESSION, EndSession(session=session))
        await owner.call(END_SESSION, EndSession(session=ticket.session))
        await is_cut(vera)
        for void in (ticket, renewed):
            refusal = await refused(fleet.inside(void))
            assert refusal.reason == TicketInvalid.uri
            assert "has been ended: sign in again" in str(refusal)
        with pytest.raises(SessionNotFound):
            await owner.call(END_SESSION, EndSession(session=ticket.session))
    (fleet.folder / "gatekeeper.json").unlink()  # the backend knows it as well
    await fleet.router.restart()
    await fleet.served()
    assert (await refused(fleet.inside(renewed))).reason == TicketInvalid.uri
    async with fleet.inside(other) as otto:  # who ends their own still gets the answer
        done = await otto.call(END_SESSION, EndSession(session=other.session))
        assert done.session == other.session
        await is_cut(otto)


@pytest_twisted.ensureDeferred
async def test_a_connection_ends_with_its_ticket(fleet: Fleet) -> None:
    await fleet.stop_backend()
    await fleet.start_backend(ticket_valid_s=5)
    async with fleet.owner() as owner:
        await is_cut(owner)


@pytest_twisted.ensureDeferred
async def test_a_new_password_ends_the_other_sessions(fleet: Fleet) -> None:
    await add(fleet, "vera")
    async with fleet.person() as admin:
        await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
    async with fleet.owner("brewery") as owner:
        await owner.call(CREATE_USER, CreateUser(user="vera", role=Role.VIEWER))
    here, elsewhere = [
        await fleet.ticket(project, "vera", PASSWORD)
        for project in ("plant", "brewery")
    ]
    async with (
        fleet.inside(here) as vera,
        fleet.inside(elsewhere) as other,
        fleet.person("vera", PASSWORD) as undecided,
    ):
        for flaw, old, new in (
            (PasswordWrong, "not this one", BETTER),
            (PasswordWeak, PASSWORD, PASSWORD),
            (PasswordWeak, PASSWORD, "short"),
            (PasswordWeak, PASSWORD, "aaaabbbbcccc"),
        ):
            with pytest.raises(flaw):
                await vera.call(CHANGE_PASSWORD, ChangePassword(old=old, new=new))
        request = ChangePassword(old=PASSWORD, new=BETTER)
        assert (await vera.call(CHANGE_PASSWORD, request)).sessions_ended == 1
        await is_cut(other)
        with pytest.raises(ConnectionLost):
            while True:
                await undecided.call(LIST_PROJECTS, ListProjects())
        with pytest.raises(NotPermitted, match="too many tries"):
            await vera.call(CHANGE_PASSWORD, request)
        (mine,) = (await vera.call(LIST_SESSIONS, ListSessions())).sessions
        assert mine.is_this
    assert "wrong" in str(await refused(fleet.person("vera", PASSWORD)))
    async with fleet.person("vera", BETTER):
        pass


@pytest_twisted.ensureDeferred
async def test_people_with_an_account_come_by_invitation(fleet: Fleet) -> None:
    await add(fleet, "vera")
    async with fleet.person() as admin:
        await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
    async with (
        fleet.owner("brewery") as owner,
        fleet.person("vera", PASSWORD) as vera,
    ):
        codes = [
            (await owner.call(INVITE, Invite(role=Role.OPERATOR, user=user))).code
            for user in (None, None, "otto")
        ]
        listed = (await owner.call(LIST_INVITATIONS, ListInvitations())).invitations
        assert [(one.user, one.code) for one in listed] == [
            ("otto", ""),
            (None, ""),
            (None, ""),
        ]
        accept = AcceptInvitation(code=codes[0].lower())
        joined = User(user="vera", role=Role.OPERATOR)
        assert await vera.call(ACCEPT_INVITATION, accept) == joined
        assert await vera.call(ACCEPT_INVITATION, accept) == joined  # answer was lost
        withdrawn = InvitationRef(invitation=listed[0].invitation)
        left = await owner.call(WITHDRAW_INVITATION, withdrawn)
        assert len(left.invitations) == 1
        for words, code in (
            ("is in project brewery already", codes[1]),
            ("no such invitation", codes[2]),
            ("no such invitation", "AAAA-BBBB-CCCC-DDDD"),
        ):
            with pytest.raises(InvitationInvalid, match=words):
                await vera.call(ACCEPT_INVITATION, AcceptInvitation(code=code))
        with pytest.raises(InvitationInvalid):
            await owner.call(WITHDRAW_INVITATION, withdrawn)


@pytest_twisted.ensureDeferred
async def test_people_without_an_account_make_one_by_invitation(fleet: Fleet) -> None:
    async with (
        fleet.owner() as owner,
        fleet.router.joined(SYSTEM_REALM, SigningKey.generate()) as stranger,
    ):
        code, ottos = [
            (await owner.call(INVITE, Invite(role=Role.OPERATOR, user=user))).code
            for user in (None, "otto")
        ]
        for flaw, user, tried, password in (
            (InvitationInvalid, "ida", "AAAA-BBBB-CCCC-DDDD", PASSWORD),
            (InvitationInvalid, "ida", ottos, PASSWORD),
            (UserExists, "admin", code, PASSWORD),
            (InvalidRequest, "key_ida", code, PASSWORD),
            (PasswordWeak, "ida", code, "ida4"),
        ):
            request = RegisterInvited(user=user, code=tried, password=password)
            with pytest.raises(flaw):
                await stranger.call(REGISTER_INVITED, request)
        ida = RegisterInvited(user="ida", code=code, password=PASSWORD)
        made = User(user="ida", role=Role.OPERATOR)
        assert await stranger.call(REGISTER_INVITED, ida) == made
        with pytest.raises(InvitationInvalid, match="has been used"):
            again = RegisterInvited(user="ivo", code=code, password=PASSWORD)
            await stranger.call(REGISTER_INVITED, again)
        users = (await owner.call(LIST_USERS, ListUsers())).users
        assert [one.user for one in users] == ["admin", "ida"]
    assert (await fleet.ticket("plant", "ida", PASSWORD)).role is Role.OPERATOR


@pytest_twisted.ensureDeferred
async def test_a_new_role_or_none_ends_sessions_and_one_owner_stays(
    fleet: Fleet,
) -> None:
    await add(fleet, "vera")
    async with fleet.owner() as owner:
        for procedure, request in (
            (CHANGE_ROLE, ChangeRole(user="admin", role=Role.VIEWER)),
            (REMOVE_USER, RemoveUser(user="admin")),
        ):
            with pytest.raises(LastOwner, match="the last owner of plant"):
                await owner.call(procedure, request)
        with pytest.raises(UserNotFound):
            await owner.call(REMOVE_USER, RemoveUser(user="nobody"))
        with pytest.raises(InvalidRequest, match="cannot be agent"):
            await owner.call(CHANGE_ROLE, ChangeRole(user="vera", role=Role.AGENT))
        async with fleet.inside(await fleet.ticket("plant", "vera", PASSWORD)) as vera:
            raised = ChangeRole(user="vera", role=Role.OWNER)
            await owner.call(CHANGE_ROLE, raised)
            await is_cut(vera)
        ticket = await fleet.ticket("plant", "vera", PASSWORD)
        assert ticket.role is Role.OWNER
        assert await owner.call(CHANGE_ROLE, raised)  # nothing changes, nothing ends
        async with fleet.inside(ticket) as vera:
            answer = await vera.call(REMOVE_USER, RemoveUser(user="admin"))
            assert answer == User(user="admin", role=Role.OWNER)
            await is_cut(owner)
            with pytest.raises(LastOwner):
                await vera.call(REMOVE_USER, RemoveUser(user="vera"))
    with pytest.raises(ProjectNotFound):
        await fleet.ticket("plant")


@pytest_twisted.ensureDeferred
async def test_keys_are_made_with_care(fleet: Fleet, plain_database: str) -> None:
    async with fleet.owner() as owner:
        for flaw in (
            CreateApiKey(name="", role=Role.VIEWER),
            CreateApiKey(name="x", role=Role.BACKEND),
            CreateApiKey(name="x", role=Role.VIEWER, valid_s=0),
        ):
            with pytest.raises(InvalidRequest):
                await owner.call(CREATE_API_KEY, flaw)
        taken = CreateUser(user="key_1", role=Role.VIEWER, password=PASSWORD)
        with pytest.raises(InvalidRequest, match="would be a program's key"):
            await owner.call(CREATE_USER, taken)
        short = CreateApiKey(name="for a minute", role=Role.VIEWER, valid_s=60)
        made = await owner.call(CREATE_API_KEY, short)
        (listed,) = (await owner.call(LIST_API_KEYS, ListApiKeys())).keys
        assert listed == replace(made, token="")
    user = f"key_{made.key}"
    ticket = await fleet.ticket(None, user, made.token)
    assert ticket.expires_at_ms <= made.expires_at_ms
    for _ in range(8):  # it cannot be guessed: nobody has to wait for it
        assert "wrong" in str(await refused(fleet.person(user, "0" * 64)))
    with psycopg.connect(plain_database) as connection:
        kept = str(connection.execute("table api_key").fetchall())
        connection.execute("update api_key set expires_at = now()")
    assert made.token.split("_")[2] not in kept
    assert "wrong" in str(await refused(fleet.person(user, made.token)))


@pytest_twisted.ensureDeferred
async def test_a_key_may_what_its_role_may_in_its_own_project(fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        gateway = CreateApiKey(name="the gateway", role=Role.OPERATOR)
        made = await owner.call(CREATE_API_KEY, gateway)
        prefix, key, secret = made.token.split("_")
        assert (prefix, key) == ("hdl", made.key)
        async with fleet.person(f"key_{key}", secret) as program:
            found = await program.call(LIST_PROJECTS, ListProjects())
            assert found.projects == (Project(project="plant", name=""),)
            ticket = await program.call(OPEN_SESSION, OpenSession())
            assert (ticket.user, ticket.role) == (f"key_{key}", Role.OPERATOR)
            for flaw, procedure, request in (
                (ProjectNotFound, OPEN_SESSION, OpenSession(project="brewery")),
                (NotPermitted, CREATE_PROJECT, CreateProject(project="mine")),
                (NotPermitted, ACCEPT_INVITATION, AcceptInvitation(code="x")),
            ):
                with pytest.raises(flaw):
                    await program.call(procedure, request)
        (listed,) = (await owner.call(LIST_API_KEYS, ListApiKeys())).keys
        assert listed.last_used_at_ms is not None
    async with fleet.inside(ticket) as inside:
        renewed = await inside.call(RENEW_SESSION, RenewSession())
        assert renewed.session == ticket.session
        change = ChangePassword(old=secret, new=BETTER)
        with pytest.raises(NotPermitted, match="has no password"):
            await inside.call(CHANGE_PASSWORD, change)


@pytest_twisted.ensureDeferred
async def test_a_revoked_key_opens_nothing_and_its_sessions_end(fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        request = CreateApiKey(name="the gateway", role=Role.OPERATOR)
        made = await owner.call(CREATE_API_KEY, request)
        user = f"key_{made.key}"
        ticket = await fleet.ticket(None, user, made.token)
        async with (
            fleet.inside(ticket) as inside,
            fleet.person(user, made.token) as program,
        ):
            await owner.call(REVOKE_API_KEY, RevokeApiKey(key=made.key))
            await is_cut(inside)
            with pytest.raises(ConnectionLost):
                while True:
                    await program.call(LIST_PROJECTS, ListProjects())
        with pytest.raises(ApiKeyNotFound):
            await owner.call(REVOKE_API_KEY, RevokeApiKey(key=made.key))
    assert "wrong" in str(await refused(fleet.person(user, made.token)))
    assert "has been ended" in str(await refused(fleet.inside(ticket)))


@pytest_twisted.ensureDeferred
async def test_tickets_from_before_sessions_go_on_until_they_expire(
    fleet: Fleet,
) -> None:
    async with fleet.router.backend() as old:
        old.ticket_key = _ticket_key(fleet)
        credentials = old.ticket("admin", "plant", Role.OWNER, valid_s=600)
    await fleet.stop_backend()
    await fleet.start_backend()
    async with fleet.router.joined("project_plant", credentials) as owner:
        found = (await owner.call(LIST_SESSIONS, ListSessions())).sessions
        assert not any(one.is_this for one in found)
        renewed = await owner.call(RENEW_SESSION, RenewSession())
        assert renewed.session
    async with fleet.inside(renewed) as owner:
        found = (await owner.call(LIST_SESSIONS, ListSessions())).sessions
        assert [one.session for one in found if one.is_this] == [renewed.session]


def _ticket_key(fleet: Fleet):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = fleet.router.service_key("backend").encode()
    return Ed25519PrivateKey.from_private_bytes(seed)
