"""The audit trail: written by what is done and refused, and whole or found broken."""

from contextlib import contextmanager

import psycopg
import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor

from heddle.contract.accounts import (
    CHANGE_ROLE,
    CREATE_API_KEY,
    INVITE,
    ChangeRole,
    CreateApiKey,
    Invite,
)
from heddle.contract.audit import (
    READ_AUDIT,
    REPORT_REFUSAL,
    VERIFY_AUDIT,
    AuditEntry,
    AuditOutcome,
    ReadAudit,
    ReportRefusal,
    VerifyAudit,
)
from heddle.contract.declare import InvalidRequest, NotPermitted, Role
from heddle.contract.devices import LIST_DEVICES, ListDevices
from heddle.contract.people import (
    CREATE_PROJECT,
    CREATE_USER,
    CreateProject,
    CreateUser,
)
from heddle.contract.upkeep import DECOMMISSION, Decommission
from heddle.wamp.joining import Refused, TicketCredentials
from heddle.wamp.keys import public_hex
from heddle.wamp.session import Session
from tests.support.fleet import Fleet, running_fleet
from tests.support.waiting import until

PASSWORD = "a good password"
REFUSED = ReadAudit(outcome=AuditOutcome.REFUSED)


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


async def is_refused(joining) -> None:
    with pytest.raises(Refused):
        async with joining:
            pass


async def found(
    session: Session, asked: ReadAudit, *wanted: tuple[str, str, str]
) -> list[AuditEntry]:
    """Wait until the trail tells of these; told by actor, action and subject."""
    entries: list[AuditEntry] = []

    async def are_there() -> bool:
        entries[:] = (await session.call(READ_AUDIT, asked)).entries
        told = {(one.actor, one.action, one.subject) for one in entries}
        return set(wanted) <= told

    await until(reactor, are_there)
    return entries


@pytest_twisted.ensureDeferred
async def test_what_is_done_is_written_down_with_who_did_it(fleet: Fleet) -> None:
    async with fleet.person() as admin:
        await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
    key = await fleet.enrol("press_7", "brewery")
    async with fleet.owner("brewery") as owner:
        vera = CreateUser(user="vera", role=Role.VIEWER, password=PASSWORD)
        await owner.call(CREATE_USER, vera)
        raised = ChangeRole(user="vera", role=Role.OPERATOR)
        await owner.call(CHANGE_ROLE, raised)
        await owner.call(CHANGE_ROLE, raised)  # no change, no entry
        invited = await owner.call(INVITE, Invite(role=Role.VIEWER))
        made = await owner.call(CREATE_API_KEY, CreateApiKey(name="x", role=Role.OWNER))
        gone = Decommission(device="press_7", force=True)
        await owner.call(DECOMMISSION, gone)
        entries = (await owner.call(READ_AUDIT, ReadAudit())).entries
        told = [
            (one.actor, one.action, one.subject)
            for one in reversed(entries)
            if one.action != "session.open"
        ]
        assert told == [
            ("admin", "project.create", "brewery"),
            ("admin", "device.code", "press_7"),
            (public_hex(key), "device.enrol", "press_7"),
            ("admin", "user.create", "vera"),
            ("admin", "user.role", "vera"),
            ("admin", "invitation.create", invited.invitation),
            ("admin", "key.create", made.key),
            ("admin", "device.decommission", "press_7"),
        ]
        for secret in (PASSWORD, invited.code, made.token, made.token.split("_")[2]):
            assert secret not in str(entries)
        for asked, actions in (
            (ReadAudit(actor=public_hex(key)), ["device.enrol"]),
            (ReadAudit(action="user.", most=1), ["user.role"]),
            (ReadAudit(action="user.create"), ["user.create"]),
            (ReadAudit(subject="vera"), ["user.role", "user.create"]),
            (ReadAudit(before=2), ["project.create"]),
            (REFUSED, []),
        ):
            page = await owner.call(READ_AUDIT, asked)
            assert [one.action for one in page.entries] == actions
        assert (await owner.call(READ_AUDIT, ReadAudit(most=1))).more
        for flaw in (
            ReadAudit(most=0),
            ReadAudit(most=1001),
            ReadAudit(before=2**63),
            ReadAudit(actor="\x00"),
        ):
            with pytest.raises(InvalidRequest):
                await owner.call(READ_AUDIT, flaw)


async def add_vera(owner: Session) -> CreateUser:
    vera = CreateUser(user="vera", role=Role.VIEWER, password=PASSWORD)
    await owner.call(CREATE_USER, vera)
    return vera


@pytest_twisted.ensureDeferred
async def test_what_a_viewer_may_not_is_refused_and_written_down_once(
    fleet: Fleet,
) -> None:
    create, read = CREATE_USER.uri, READ_AUDIT.uri
    async with fleet.owner() as owner:
        vera = await add_vera(owner)
        ticket = await fleet.ticket("plant", "vera", PASSWORD)
        async with fleet.inside(ticket) as viewer:
            for _ in range(5):
                with pytest.raises(NotPermitted):
                    await viewer.call(CREATE_USER, vera)
            with pytest.raises(NotPermitted):
                await viewer.call(READ_AUDIT, ReadAudit())
            await viewer.call(LIST_DEVICES, ListDevices())
        entries = await found(
            owner,
            REFUSED,
            ("vera", "router.call", create),
            ("vera", "router.call", read),
        )
        (tried, *_) = (one for one in reversed(entries) if one.subject == create)
        assert (tried.role, tried.details["detail"]) == (
            "viewer",
            "viewer may not call this",
        )
        assert 1 <= tried.details["times"] <= 5
        assert (await owner.call(VERIFY_AUDIT, VerifyAudit())).holds


@pytest_twisted.ensureDeferred
async def test_whom_the_router_does_not_let_in_is_written_down(fleet: Fleet) -> None:
    key, stranger = await fleet.enrol("press_7"), SigningKey.generate()
    async with fleet.person() as admin:
        await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
    async with fleet.owner() as owner:
        await add_vera(owner)
        ticket = await fleet.ticket("plant", "vera", PASSWORD)
        forged = TicketCredentials("vera", ticket.ticket[:-4] + "AAAA")
        await is_refused(fleet.router.joined("project_plant", forged))
        await is_refused(fleet.router.joined("project_plant", stranger))
        await is_refused(fleet.agent(key, "brewery"))
        await is_refused(fleet.person("vera", "not her password"))
        await is_refused(fleet.person("hunter2", "the name was the password"))
        await found(
            owner,
            REFUSED,
            ("vera", "router.join", "project_plant"),
            (public_hex(stranger), "router.join", "project_plant"),
            ("press_7", "router.join", "project_brewery"),
            ("vera", "router.login", "system"),
        )
        unplaced = ReadAudit(unplaced=True)
        (nobody,) = await found(owner, unplaced, ("", "router.login", "system"))
        assert "hunter2" not in str(nobody)
        await owner.call(CHANGE_ROLE, ChangeRole(user="vera", role=Role.OWNER))
    async with fleet.inside(await fleet.ticket("plant", "vera", PASSWORD)) as vera:
        for procedure, request in (
            (READ_AUDIT, unplaced),
            (VERIFY_AUDIT, VerifyAudit(unplaced=True)),
        ):
            with pytest.raises(NotPermitted, match="vera is no administrator"):
                await vera.call(procedure, request)


@pytest_twisted.ensureDeferred
async def test_an_expired_ticket_is_refused_and_written_down(fleet: Fleet) -> None:
    await fleet.stop_backend()
    await fleet.start_backend(ticket_valid_s=2)
    ticket = await fleet.ticket()

    async def expired() -> bool:
        try:
            async with fleet.inside(ticket):
                return False
        except Refused as refusal:
            return "expired" in str(refusal)

    await until(reactor, expired, every_s=0.5)
    await fleet.stop_backend()
    await fleet.start_backend(ticket_valid_s=900)
    async with fleet.owner() as owner:
        wanted = ("admin", "router.join", "project_plant")
        entries = await found(owner, REFUSED, wanted)
        assert "expired" in entries[0].details["detail"]


@pytest_twisted.ensureDeferred
async def test_a_device_tells_what_it_refused_but_not_without_end(
    fleet: Fleet,
) -> None:
    key = await fleet.enrol("press_7")
    report = ReportRefusal(
        actor="mallory\n",
        role="backend",
        action="release.install",
        subject="bio",
        detail="the signature is not the project's\x00",
        times=3,
    )
    async with fleet.agent(key) as agent, fleet.owner() as owner:
        await agent.call(REPORT_REFUSAL, report)
        with pytest.raises(NotPermitted):
            await owner.call(REPORT_REFUSAL, report)
        (entry,) = (
            one
            for one in (await owner.call(READ_AUDIT, REFUSED)).entries
            if one.action == "release.install"
        )
        assert (entry.actor, entry.subject) == ("mallory?", "bio")
        assert entry.details == {
            "detail": "the signature is not the project's?",
            "times": 3,
            "reported_by": "press_7",
        }
        with pytest.raises(NotPermitted, match="too many refusals"):
            for _ in range(100):
                await agent.call(REPORT_REFUSAL, report)


@contextmanager
def tampering(dsn: str):
    """As somebody who has the database itself, and puts it back afterwards."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table kept as table audit")
        connection.execute("alter table audit disable trigger audit_append_only")
        yield connection
        connection.execute("truncate audit; insert into audit table kept")
        connection.execute("drop table kept")
        connection.execute("alter table audit enable trigger audit_append_only")


@pytest_twisted.ensureDeferred
async def test_a_trail_that_was_tampered_with_is_found_broken(
    fleet: Fleet, plain_database: str
) -> None:
    async with fleet.owner() as owner:
        for n in range(20):
            await owner.call(INVITE, Invite(role=Role.VIEWER, user=f"guest_{n}"))
        whole = await owner.call(VERIFY_AUDIT, VerifyAudit())
        entries = (await owner.call(READ_AUDIT, ReadAudit())).entries
        assert (whole.holds, whole.entries) == (True, entries[0].number)
        assert whole.head == entries[0].hash
        with psycopg.connect(plain_database) as connection:
            for statement in (
                "update audit set actor = 'x'",
                "delete from audit",
                "truncate audit",
            ):
                with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                    connection.execute(statement)
                connection.rollback()
        for broken_at, words, statement in (
            (5, "was changed", "update audit set actor = 'x' where number = 5"),
            (5, "changed", "update audit set details = '{}' where number = 5"),
            (5, "is missing", "delete from audit where number = 5"),
            (1, "is missing", "delete from audit where number = 1"),
            (
                5,
                "not written after",
                "update audit set number = case number when 5 then 1006 else 1005 end"
                " where number in (5, 6);"
                "update audit set number = number - 1000 where number > 1000",
            ),
        ):
            with tampering(plain_database) as connection:
                connection.execute(statement)
                verdict = await owner.call(VERIFY_AUDIT, VerifyAudit())
            assert (verdict.holds, verdict.broken_at) == (False, broken_at)
            assert words in verdict.detail
        noted = VerifyAudit(head=whole.head)
        with tampering(plain_database) as connection:
            connection.execute("delete from audit where number > 10")
            assert (await owner.call(VERIFY_AUDIT, VerifyAudit())).holds
            cut_off = await owner.call(VERIFY_AUDIT, noted)
        assert (cut_off.holds, cut_off.broken_at, cut_off.entries) == (False, 11, 10)
        assert "the end was cut off" in cut_off.detail
        await owner.call(INVITE, Invite(role=Role.VIEWER))
        later = await owner.call(VERIFY_AUDIT, noted)
        assert (later.holds, later.entries) == (True, whole.entries + 1)
