"""Looking after a device from afar: a real router, a real backend, a real agent."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from heddle.contract.alarms import DeviceOffline
from heddle.contract.declare import FleetError, InvalidRequest
from heddle.contract.devices import LIST_DEVICES, DeviceNotFound, ListDevices
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.runs import (
    START_RUN,
    FlowNotInstalled,
    RunAlreadyActive,
    StartRun,
)
from heddle.contract.upkeep import (
    DECOMMISSION,
    DEVICE_INFO,
    OFFER_KEY,
    PRUNE_IMAGES,
    READ_LOG,
    RESTART_AGENT,
    ROTATE_KEY,
    AskDevice,
    Decommission,
    DeviceInfo,
    KeyInvalid,
    OfferKey,
    PruneImages,
    ReadLog,
    RestartAgent,
    RotateKey,
)
from heddle.wamp.joining import Joined, KeyCredentials, Refused
from heddle.wamp.keys import load_key, public_hex
from heddle.wamp.session import NotServed, Session
from tests.support.databases import Server
from tests.support.device import Program, example
from tests.support.hand import DEVICE, Hand, Works, running_works
from tests.support.waiting import until


@pytest_twisted.async_yield_fixture
async def works(
    embedded_server: Server, plain_database: str, tmp_path: Path
) -> AsyncIterator[Works]:
    async with running_works(
        reactor, embedded_server, plain_database, tmp_path
    ) as found:
        yield found


async def info(owner: Session) -> DeviceInfo:
    return await owner.call(DEVICE_INFO, AskDevice(), device=DEVICE)


async def until_told(owner: Session, *, after_ms: int = 0) -> DeviceInfo:
    """Until the device answers, as one that was started after that."""
    found: list[DeviceInfo] = []

    async def answers() -> bool:
        found.append(await info(owner))
        return found[-1].started_at_ms > after_ms

    await until(reactor, answers, within_s=60)
    return found[-1]


@pytest_twisted.ensureDeferred
async def test_a_device_tells_how_it_is_and_what_it_logged(works: Works) -> None:
    hand = Hand("t", "u")
    async with works.agent(hand), works.owner() as owner:
        hand.set("t", 20.0)
        told = await until_told(owner)
        assert (told.device, told.tags, told.bad_tags) == (DEVICE, 2, 1)
        assert told.disk_free_bytes < told.disk_bytes
        assert told.memory_bytes > 10 << 20
        assert told.links == ()
        for wrong, error in (
            (ReadLog(tail=0), InvalidRequest),
            (ReadLog(flow="brew"), FlowNotInstalled),
        ):
            with pytest.raises(error):
                await owner.call(READ_LOG, wrong, device=DEVICE)
        pruned = await owner.call(PRUNE_IMAGES, PruneImages(), device=DEVICE)
        assert pruned.freed_bytes == 0  # child processes need no images
        with pytest.raises(NotServed):  # it is no program of its own here
            await owner.call(RESTART_AGENT, RestartAgent(), device=DEVICE)


@pytest_twisted.ensureDeferred
async def test_a_key_is_replaced_and_the_old_one_is_void(works: Works) -> None:
    async with works.agent(Hand("t")), works.owner() as owner:
        await until_told(owner)
        old = load_key(works.data / "device.key")
        rotated = await owner.call(ROTATE_KEY, RotateKey(), device=DEVICE)
        new = load_key(works.data / "device.key")
        assert public_hex(new) == rotated.public_key != public_hex(old)

        async def void() -> bool:
            try:
                async with works.fleet.agent(old):
                    return False
            except Refused:
                return True

        await until(reactor, void, within_s=60)
        await until_told(owner)  # it is back by the new key


@pytest_twisted.ensureDeferred
async def test_a_key_whose_answer_was_lost_opens_all_the_same(works: Works) -> None:
    async with works.agent(Hand("t")) as agent, works.owner() as owner:
        await until_told(owner)
        new = agent.identity.next_key()
        key = load_key(works.data / "device.key")
    async with works.fleet.agent(key) as device:
        with pytest.raises(KeyInvalid, match="64 hex digits"):
            await device.call(OFFER_KEY, OfferKey(public_key="x"))
        await device.call(OFFER_KEY, OfferKey(public_key=public_hex(new)))
    async with works.agent(Hand("t")), works.owner() as owner:

        async def taken() -> bool:
            return load_key(works.data / "device.key") == new

        await until(reactor, taken, within_s=60)
        await until_told(owner)


def log_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""


@pytest_twisted.ensureDeferred
async def test_an_agent_is_restarted_and_at_last_taken_out(
    works: Works, tmp_path: Path
) -> None:
    async with works.agent(Hand("t")):
        pass  # it is enrolled
    config = {
        "router_url": works.fleet.router.url,
        "data": works.data,
        "kind": "virtual",
        "runtime": "process",
    }
    program = Program(reactor, config, log := tmp_path / "agent.log")
    program.start()
    async with works.owner() as owner:
        first = await until_told(owner)
        pid = program.pid
        await owner.call(RESTART_AGENT, RestartAgent(), device=DEVICE)
        second = await until_told(owner, after_ms=first.started_at_ms)
        assert program.pid == pid
        assert second.started_at_ms > first.started_at_ms
        lines = await owner.call(READ_LOG, ReadLog(tail=200), device=DEVICE)
        assert any("is online in project_plant" in x.text for x in lines.lines)
        assert lines.kept_since_ms > first.started_at_ms

        await owner.call(
            INSTALL_FLOW,
            InstallFlow(flow="brew", version=1, definition=example()),
            device=DEVICE,
        )
        engine = await owner.call(READ_LOG, ReadLog(flow="brew"), device=DEVICE)
        assert all(line.origin.startswith("pid ") for line in engine.lines)
        await owner.call(START_RUN, StartRun(flow="brew"), device=DEVICE)
        await refused(owner, RunAlreadyActive, Decommission(device=DEVICE))
        await refused(owner, DeviceNotFound, Decommission(device="press_8"))
        leave_keys(works.data)
        await taken_out(owner)
    assert await program.ended() == 0, log_of(log)
    assert list(works.data.iterdir()) == []


def leave_keys(data: Path) -> None:
    """What connections keep in the agent's folder."""
    (data / "opcua").mkdir()
    (data / "opcua/own.key").write_text("a connection's")
    (data / "host.bdseq").write_text("7")


async def taken_out(owner: Session) -> None:
    wanted = Decommission(device=DEVICE, force=True)
    assert (await owner.call(DECOMMISSION, wanted, timeout_s=60)).told
    assert (await owner.call(LIST_DEVICES, ListDevices())).devices == ()


@pytest_twisted.ensureDeferred
async def test_an_offline_device_is_taken_out_only_by_force(works: Works) -> None:
    async with works.agent(Hand("t")), works.owner() as owner:
        await until_told(owner)
    key = load_key(works.data / "device.key")
    async with works.owner() as owner:
        await refused(owner, DeviceOffline, Decommission(device=DEVICE))
        wanted = Decommission(device=DEVICE, force=True)
        assert not (await owner.call(DECOMMISSION, wanted)).told
        link = Joined(reactor, works.fleet.router.url, None, KeyCredentials(key))
        with pytest.raises(Refused):
            async with link:
                pass


async def refused(owner: Session, error: type[FleetError], wanted: Any) -> None:
    """A refusal, after the backend has seen what the test has."""

    async def so() -> bool:
        try:
            await owner.call(DECOMMISSION, wanted, timeout_s=60)
        except error:
            return True
        raise AssertionError(json.dumps({"not refused": str(wanted)}))

    await until(reactor, so, within_s=60)
