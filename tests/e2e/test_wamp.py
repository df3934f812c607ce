"""The same by WAMP, from any client; and enrolment refused in each wrong way."""

import json
import time
from collections.abc import Awaitable, Callable

import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from heddle.contract.declare import SYSTEM_REALM, NotPermitted, Role, project_realm
from heddle.contract.devices import (
    CREATE_CODE,
    PRESENCE,
    REDEEM_CODE,
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    CreateCode,
    Presence,
    RedeemCode,
)
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.history import HISTORY, LATEST, HistoryQuery, LatestQuery
from heddle.contract.people import (
    CREATE_USER,
    LIST_USERS,
    OPEN_SESSION,
    CreateUser,
    ListUsers,
    OpenSession,
)
from heddle.contract.runs import (
    APPROVE_RUN,
    PAUSE_RUN,
    RESUME_RUN,
    RUN_EVENT,
    START_RUN,
    STOP_RUN,
    TRIGGER_LISTENER,
    ApproveRun,
    RunRef,
    RunStatus,
    StartRun,
    StopMode,
    StopRun,
    TriggerListener,
    WrongRunState,
)
from heddle.tag_values import tag_values
from heddle.wamp.joining import (
    Joined,
    KeyCredentials,
    Refused,
    TicketCredentials,
)
from heddle.wamp.keys import load_key
from tests.support.stack import unhurried_flow

DEVICE = "virtual_1"
PROJECT = project_realm("default")


def owner(stack) -> Joined:
    key = load_key(stack.data / "keys/admin.key")
    return Joined(reactor, stack.router, PROJECT, KeyCredentials(key))


def as_key(stack, key: SigningKey, realm: str) -> Joined:
    return Joined(reactor, stack.router, realm, KeyCredentials(key))


async def until(look: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + 60
    while not await look():
        assert time.monotonic() < deadline, what
        await deferLater(reactor, 0.1)


@pytest_twisted.ensureDeferred
async def test_a_run_is_steered_by_wamp_and_its_events_are_heard(
    stack, tmp_path
) -> None:
    heard, finished = [], Deferred()

    def hear(told, ids) -> None:
        heard.extend(event.type for event in told.events)
        if "WORKFLOW_TERMINATED" in heard and not finished.called:
            finished.callback(None)

    async with owner(stack) as session:
        await session.hear(RUN_EVENT, hear)
        definition = json.loads(unhurried_flow(tmp_path / "flow.json").read_text())
        flow = InstallFlow(flow="unhurried", version=1, definition=definition)
        await session.call(INSTALL_FLOW, flow, timeout_s=90, device=DEVICE)
        start = StartRun(flow=flow.flow)
        run = (await session.call(START_RUN, start, device=DEVICE)).run
        paused = await session.call(PAUSE_RUN, RunRef(run=run), device=DEVICE)
        assert paused.status is RunStatus.PAUSED
        with pytest.raises(WrongRunState, match="paused"):
            await session.call(PAUSE_RUN, RunRef(run=run), device=DEVICE)
        await session.call(RESUME_RUN, RunRef(run=run), device=DEVICE)
        trigger = TriggerListener(run=run, listener="eventListener_2")
        await session.call(TRIGGER_LISTENER, trigger, device=DEVICE)
        approved = await session.call(APPROVE_RUN, ApproveRun(run=run), device=DEVICE)
        assert approved.active_phases == ("phase_3",)
        stop = StopRun(run=run, mode=StopMode.HARD)
        await session.call(STOP_RUN, stop, device=DEVICE)
        await finished.addTimeout(60, reactor)
    assert heard.count("WORKFLOW_PAUSED") == heard.count("WORKFLOW_RESUMED") == 1


@pytest_twisted.ensureDeferred
async def test_history_is_there_raw_and_in_buckets(stack) -> None:
    async with owner(stack) as session:
        stored: dict[str, int] = {}

        async def look() -> bool:
            latest = await session.call(LATEST, LatestQuery(device=DEVICE))
            values = tag_values(latest.values)
            stored.update({value.tag: value.at_ms for value in values})
            return "temperature" in stored

        await until(look, "a stored temperature")
        now = stored["temperature"]  # whatever comes, comes later
        query = HistoryQuery(
            device=DEVICE, tags=("temperature",), from_ms=now - 5000, to_ms=now
        )
        (raw,) = (await session.call(HISTORY, query)).series
        assert list(raw.at_ms) == sorted(raw.at_ms)
        query = HistoryQuery(
            device=DEVICE,
            tags=("temperature",),
            from_ms=now - 5000,
            to_ms=now,
            bucket_ms=1000,
        )
        (buckets,) = (await session.call(HISTORY, query)).series
        assert sum(buckets.count) == len(raw.at_ms)
        assert all(at % 1000 == 0 for at in buckets.at_ms)


@pytest_twisted.ensureDeferred
async def test_a_new_device_enrols_once_with_its_code(stack) -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    async with owner(stack) as session:
        made = await session.call(CREATE_CODE, CreateCode(device="press_7"))
    with pytest.raises(Refused, match="enrol"):
        async with as_key(stack, key, PROJECT):
            pass
    async with as_key(stack, key, SYSTEM_REALM) as stranger:
        enrolled = await stranger.call(REDEEM_CODE, RedeemCode(code=made.code))
        assert (enrolled.project, enrolled.device) == ("default", "press_7")
        again = await stranger.call(REDEEM_CODE, RedeemCode(code=made.code))
        assert again == enrolled  # the answer got lost: the same key may ask again
    async with as_key(stack, other, SYSTEM_REALM) as stranger:
        with pytest.raises(CodeUsed):
            await stranger.call(REDEEM_CODE, RedeemCode(code=made.code))
        with pytest.raises(CodeUnknown):
            await stranger.call(REDEEM_CODE, RedeemCode(code="never made"))
        with pytest.raises(NotPermitted):
            await stranger.call(OPEN_SESSION, OpenSession())
    async with as_key(stack, key, enrolled.realm) as device:
        assert device.authid == "press_7"
        await device.published(PRESENCE, Presence(online=True), device="press_7")
        with pytest.raises(NotPermitted):
            await device.published(PRESENCE, Presence(online=False), device=DEVICE)


@pytest_twisted.ensureDeferred
async def test_an_expired_code_is_refused(stack) -> None:
    async with owner(stack) as session:
        made = await session.call(CREATE_CODE, CreateCode(device="late_1", valid_s=1))
    await deferLater(reactor, 1.2)
    async with as_key(stack, SigningKey.generate(), SYSTEM_REALM) as stranger:
        with pytest.raises(CodeExpired, match="expired"):
            await stranger.call(REDEEM_CODE, RedeemCode(code=made.code))


@pytest_twisted.ensureDeferred
async def test_a_viewer_may_look_and_nothing_else(stack) -> None:
    async with owner(stack) as session:
        users = await session.call(LIST_USERS, ListUsers())
        if "vera" not in {one.user for one in users.users}:
            await session.call(
                CREATE_USER,
                CreateUser(user="vera", role=Role.VIEWER, password="only looking 1"),
            )
    password = TicketCredentials("vera", "only looking 1")
    async with Joined(reactor, stack.router, SYSTEM_REALM, password) as person:
        ticket = await person.call(OPEN_SESSION, OpenSession())
    credentials = TicketCredentials("vera", ticket.ticket)
    async with Joined(reactor, stack.router, ticket.realm, credentials) as viewer:
        assert (await viewer.call(LATEST, LatestQuery(device=DEVICE))).values.tags
        with pytest.raises(NotPermitted):
            await viewer.call(START_RUN, StartRun(flow="bioreactor"), device=DEVICE)
    with pytest.raises(Refused):
        forged = TicketCredentials("admin", ticket.ticket)
        async with Joined(reactor, stack.router, ticket.realm, forged):
            pass


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_refused(stack) -> None:
    wrong = TicketCredentials("admin", "not the password")
    with pytest.raises(Refused, match="wrong"):
        async with Joined(reactor, stack.router, SYSTEM_REALM, wrong):
            pass
