"""Enrolment through the real router: every right and wrong way."""

from contextlib import AsyncExitStack

import psycopg
import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList

from heddle.contract.declare import (
    SYSTEM_REALM,
    InvalidId,
    InvalidRequest,
    NotPermitted,
)
from heddle.contract.devices import (
    ANNOUNCE,
    CREATE_CODE,
    GET_DEVICE,
    LIST_DEVICES,
    PRESENCE,
    REDEEM_CODE,
    Announce,
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    CreateCode,
    DeviceExists,
    DeviceKind,
    DeviceNotFound,
    GetDevice,
    HostFacts,
    ListDevices,
    Presence,
    RedeemCode,
    Tag,
)
from heddle.contract.flows import Runtime
from heddle.wamp.joining import Refused
from tests.support.fleet import Fleet, running_fleet
from tests.support.waiting import until

FACTS = HostFacts(
    hostname="edge\x00box",
    os="Debian 12",
    arch="x86_64",
    cpus=2,
    memory_bytes=1 << 33,
    python="3.11",
    docker=None,
)
ANNOUNCEMENT = Announce(
    kind=DeviceKind.VIRTUAL,
    version="0.1.0",
    runtime=Runtime.PROCESS,
    facts=FACTS,
    tags=(Tag(tag="temperature", unit="°C"),),
)


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


@pytest_twisted.ensureDeferred
async def test_a_code_makes_a_device_and_the_same_key_gets_the_same_answer(
    fleet: Fleet,
) -> None:
    key = SigningKey.generate()
    async with fleet.owner() as owner:
        code = await owner.call(CREATE_CODE, CreateCode(device="press_7"))
    first = await fleet.redeem(key, code.code.lower().replace("-", " "))
    assert (first.project, first.realm, first.device) == (
        "plant",
        "project_plant",
        "press_7",
    )
    assert await fleet.redeem(key, code.code) == first
    async with fleet.agent(key) as agent:
        assert agent.authid == "press_7"


@pytest_twisted.ensureDeferred
async def test_a_key_without_a_code_stays_outside(fleet: Fleet) -> None:
    with pytest.raises(Refused, match="redeem an enrolment code"):
        async with fleet.agent(SigningKey.generate()):
            pass
    with pytest.raises(CodeUnknown, match="no such enrolment code"):
        await fleet.redeem(SigningKey.generate(), "AAAA-BBBB-CCCC-DDDD")
    with pytest.raises(CodeUnknown):
        await fleet.redeem(SigningKey.generate(), "\x00")


@pytest_twisted.ensureDeferred
async def test_a_code_is_good_for_one_key_only(fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        code = (await owner.call(CREATE_CODE, CreateCode(device="press_7"))).code
    await fleet.redeem(SigningKey.generate(), code)
    thief = SigningKey.generate()
    with pytest.raises(CodeUsed, match="ask for a new one"):
        await fleet.redeem(thief, code)
    with pytest.raises(Refused):
        async with fleet.agent(thief):
            pass


@pytest_twisted.ensureDeferred
async def test_keys_at_once_make_one_device(fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        code = (await owner.call(CREATE_CODE, CreateCode(device="press_7"))).code
    async with AsyncExitStack() as stack:
        sessions = [
            await stack.enter_async_context(
                fleet.router.joined(SYSTEM_REALM, SigningKey.generate())
            )
            for _ in range(4)
        ]
        ended = await DeferredList(
            [
                Deferred.fromCoroutine(s.call(REDEEM_CODE, RedeemCode(code=code)))
                for s in sessions
            ],
            consumeErrors=True,
        )
    failures = [failure for right, failure in ended if not right]
    assert [failure.type for failure in failures] == [CodeUsed] * 3


@pytest_twisted.ensureDeferred
async def test_a_code_expires(fleet: Fleet, plain_database: str) -> None:
    async with fleet.owner() as owner:
        code = (await owner.call(CREATE_CODE, CreateCode(device="press_7"))).code
    with psycopg.connect(plain_database) as connection:
        connection.execute("update enrolment_code set expires_at = now()")
    with pytest.raises(CodeExpired, match=r"expired at .* UTC: ask for a new one"):
        await fleet.redeem(SigningKey.generate(), code)


@pytest_twisted.ensureDeferred
async def test_a_new_code_for_a_device_ends_the_former(fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        former = (await owner.call(CREATE_CODE, CreateCode(device="press_7"))).code
        await owner.call(CREATE_CODE, CreateCode(device="press_7"))
    with pytest.raises(CodeExpired):
        await fleet.redeem(SigningKey.generate(), former)


@pytest_twisted.ensureDeferred
async def test_no_code_for_a_device_that_exists_or_cannot(fleet: Fleet) -> None:
    await fleet.enrol("press_7")
    async with fleet.owner() as owner:
        with pytest.raises(DeviceExists, match="has a device press_7 already"):
            await owner.call(CREATE_CODE, CreateCode(device="press_7"))
        with pytest.raises(InvalidId):
            await owner.call(CREATE_CODE, CreateCode(device="Press.7"))
        with pytest.raises(InvalidRequest, match="valid_s is 0"):
            await owner.call(CREATE_CODE, CreateCode(valid_s=0))
        made_up = await owner.call(CREATE_CODE, CreateCode())
    assert made_up.device.startswith("device_")


@pytest_twisted.ensureDeferred
async def test_a_devices_key_cannot_become_another_device(fleet: Fleet) -> None:
    key = await fleet.enrol("press_7")
    async with fleet.owner() as owner:
        code = (await owner.call(CREATE_CODE, CreateCode(device="press_8"))).code
    with pytest.raises(NotPermitted, match="is a device already"):
        await fleet.redeem(key, code)


@pytest_twisted.ensureDeferred
async def test_only_operators_and_owners_make_codes(fleet: Fleet) -> None:
    key = await fleet.enrol("press_7")
    async with fleet.agent(key) as agent:
        with pytest.raises(NotPermitted):
            await agent.call(CREATE_CODE, CreateCode(device="press_8"))


@pytest_twisted.ensureDeferred
async def test_a_device_announces_itself_and_comes_and_goes(fleet: Fleet) -> None:
    key = await fleet.enrol("press_7")
    async with fleet.owner() as owner:

        async def is_online(wanted: bool) -> bool:
            (device,) = (await owner.call(LIST_DEVICES, ListDevices())).devices
            return device.online is wanted

        (before,) = (await owner.call(LIST_DEVICES, ListDevices())).devices
        assert (before.online, before.last_seen_at_ms, before.version) == (
            False,
            None,
            None,
        )
        async with fleet.agent(key) as agent:
            await agent.bequeath(PRESENCE, Presence(online=False), device="press_7")
            agent.publish(PRESENCE, Presence(online=True), device="press_7")
            await until(reactor, lambda: is_online(True))
            assert (await agent.call(ANNOUNCE, ANNOUNCEMENT)).device == "press_7"
            detail = await owner.call(GET_DEVICE, GetDevice(device="press_7"))
            assert (detail.facts, detail.tags) == (FACTS, ANNOUNCEMENT.tags)
            assert detail.report.kind is DeviceKind.VIRTUAL
            assert detail.report.online
        await until(reactor, lambda: is_online(False))
        (after,) = (await owner.call(LIST_DEVICES, ListDevices())).devices
        assert after.last_seen_at_ms is not None
        with pytest.raises(DeviceNotFound, match="no device press_9"):
            await owner.call(GET_DEVICE, GetDevice(device="press_9"))


@pytest_twisted.ensureDeferred
async def test_a_late_farewell_of_a_former_session_is_not_believed(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.backend.fleet.presence.CHECK_AFTER_S", 3.0)
    key = await fleet.enrol("press_7")
    async with fleet.owner() as owner, fleet.agent(key) as agent:

        async def reported() -> bool:
            (device,) = (await owner.call(LIST_DEVICES, ListDevices())).devices
            return device.online

        agent.publish(PRESENCE, Presence(online=True), device="press_7")
        await until(reactor, reported)
        await agent.published(PRESENCE, Presence(online=False), device="press_7")
        assert not await reported()
        await until(reactor, reported)


@pytest_twisted.ensureDeferred
async def test_who_is_online_is_known_after_a_restart(fleet: Fleet) -> None:
    key = await fleet.enrol("press_7")
    await fleet.enrol("press_8")
    async with fleet.agent(key):
        await fleet.stop_backend()
        await fleet.start_backend()
        async with fleet.owner() as owner:

            async def known() -> bool:
                found = (await owner.call(LIST_DEVICES, ListDevices())).devices
                online = {device.device: device.online for device in found}
                return online == {"press_7": True, "press_8": False}

            await until(reactor, known)


@pytest_twisted.ensureDeferred
async def test_the_virtual_device_enrols_with_the_code_of_the_file(
    fleet: Fleet, tmp_path
) -> None:
    file = tmp_path / "virtual_code"
    file.write_text("first-light-code-of-the-stack\n")
    for _ in range(2):
        await fleet.stop_backend()
        await fleet.start_backend(virtual_device_code_file=file)
    key = SigningKey.generate()
    assert (await fleet.redeem(key, file.read_text())).device == "virtual_1"
    await fleet.stop_backend()
    await fleet.start_backend()
    with pytest.raises(CodeUsed):
        await fleet.redeem(SigningKey.generate(), file.read_text())
    async with fleet.owner() as owner:
        (device,) = (await owner.call(LIST_DEVICES, ListDevices())).devices
    assert device.kind is DeviceKind.VIRTUAL
