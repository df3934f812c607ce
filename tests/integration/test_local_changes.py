"""Changes made on a device and a real backend: once, in order, or a conflict."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.config import Config
from heddle.contract.declare import InvalidRequest, NotPermitted
from heddle.contract.devices import Enrolled
from heddle.contract.flows import INSTALL_FLOW, FlowInvalid, InstallFlow
from heddle.contract.lifecycle import (
    GET_FLOW,
    LIST_FLOWS,
    SAVE_FLOW,
    GetFlow,
    ListFlows,
    SaveFlow,
)
from heddle.contract.local_changes import (
    LIST_LOCAL_CHANGES,
    OFFER_CHANGE,
    ChangeKind,
    ChangeOutcome,
    ListLocalChanges,
    OfferChange,
)
from tests.support.device import example, running_agent, settings
from tests.support.fleet import Fleet, running_fleet
from tests.support.local import Hand, beside
from tests.support.ports import free_port
from tests.support.waiting import until


@pytest_twisted.async_yield_fixture
async def fleet(plain_database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


async def enrolled(fleet: Fleet) -> Path:
    """The folder of a device of the project."""
    data = fleet.folder / "device"
    data.mkdir()
    key = await fleet.enrol("press_7")
    (data / "device.key").write_text(key.encode().hex())
    (data / "device.key").chmod(0o600)
    place = Enrolled(project="plant", realm="project_plant", device="press_7")
    (data / "enrolled.json").write_bytes(msgspec.json.encode(place))
    return data


def config(fleet: Fleet, data: Path, *, plugged: bool, **changes: Any) -> Config:
    nowhere = {} if plugged else {"router_url": f"rs://127.0.0.1:{free_port()}"}
    return settings(fleet.router, data, local="127.0.0.1:0", **nowhere, **changes)


def variant(name: str) -> dict[str, Any]:
    return {**example(), "version": name}


async def put(hand: Hand, name: str) -> dict[str, Any]:
    said = await hand.ask(
        "PUT", "/flows/brew", {"definition": variant(name)}, if_match="*"
    )
    assert said.status == 200, said.json
    return said.json


async def until_decided(hand: Hand) -> list[dict[str, Any]]:
    """Until nothing waits; the device's changes, first the newest."""

    async def decided() -> bool:
        return (await hand.get("/node"))["changes"]["waiting"] == 0

    await until(reactor, decided)
    return (await hand.get("/node"))["changes"]["newest"]


@pytest_twisted.ensureDeferred
async def test_what_was_changed_offline_becomes_versions_of_the_flow(
    fleet: Fleet,
) -> None:
    data = await enrolled(fleet)
    async with running_agent(reactor, config(fleet, data, plugged=False)) as agent:
        hand = beside(agent, data)
        await hand.ask("POST", "/flows", {"flow": "brew", "definition": variant("a")})
        assert (await put(hand, "b"))["version"] == 2
        await hand.ask("POST", "/flows", {"flow": "gone", "definition": variant("x")})
        await hand.ask("DELETE", "/flows/gone")
    async with running_agent(reactor, config(fleet, data, plugged=True)) as agent:
        hand = beside(agent, data)
        told = await until_decided(hand)
        assert [each["state"] for each in told] == ["taken"] * 4
        assert told[0]["told"] == "the centre knows that it was removed here"
        assert (await hand.get("/flows/brew"))["version"] == 2
        assert (await put(hand, "c"))["version"] == 3
        await until_decided(hand)
    async with fleet.owner() as owner:
        listed = (await owner.call(LIST_FLOWS, ListFlows())).flows
        assert [(f.flow, f.version, f.saved_by) for f in listed] == [
            ("brew", 3, "press_7"),
            ("gone", 1, "press_7"),
        ]
        for version, name in enumerate("abc", 1):
            found = await owner.call(GET_FLOW, GetFlow(flow="brew", version=version))
            assert found.definition == variant(name)
        changes = (await owner.call(LIST_LOCAL_CHANGES, ListLocalChanges())).changes
        assert [(c.flow, c.kind, c.version) for c in changes] == [
            ("brew", ChangeKind.SAVED, 3),
            ("gone", ChangeKind.REMOVED, 1),
            ("gone", ChangeKind.SAVED, 1),
            ("brew", ChangeKind.SAVED, 2),
            ("brew", ChangeKind.SAVED, 1),
        ]


def offer(change: str, base: int, name: str | None, **more: Any) -> OfferChange:
    """A change of the flow, saved unless ``more`` says else."""
    fields: dict[str, Any] = {
        "change": change,
        "flow": "brew",
        "kind": ChangeKind.SAVED,
        "base": base,
        "changed_at_ms": 1_700_000_000_000,
        "definition": None if name is None else variant(name),
    }
    return OfferChange(**{**fields, **more})


async def install_first(fleet: Fleet, data: Path) -> None:
    """Save version 1 at the centre and install it, as an operator does."""
    async with (
        running_agent(reactor, config(fleet, data, plugged=True)),
        fleet.owner() as owner,
    ):
        save = SaveFlow(flow="brew", definition=variant("old"))
        saved = await owner.call(SAVE_FLOW, save)
        wanted = InstallFlow(flow="brew", version=1, definition=saved.definition)

        async def installed() -> bool:
            await owner.call(INSTALL_FLOW, wanted, device="press_7")
            return True

        await until(reactor, installed)


async def change_both(fleet: Fleet, data: Path) -> str:
    """The device and the centre go on from version 1, each its own way; the run that
    the device has started of its version.
    """
    async with fleet.owner() as owner:
        save = SaveFlow(flow="brew", definition=variant("theirs"))
        assert (await owner.call(SAVE_FLOW, save)).version == 2
    alone = config(fleet, data, plugged=False, time_scale=1)
    async with running_agent(reactor, alone) as agent:
        hand = beside(agent, data)
        await hand.until_ready("brew")
        assert (await put(hand, "mine"))["version"] == 2
        assert (await put(hand, "mine again"))["version"] == 3
        started = await hand.command("start", "brew")
        return str(started.json["results"][0]["run"]["run"])


@pytest_twisted.ensureDeferred
async def test_of_a_conflict_the_centres_version_stands_once_no_run_is_active(
    fleet: Fleet,
) -> None:
    data = await enrolled(fleet)
    await install_first(fleet, data)
    run = await change_both(fleet, data)
    together = config(fleet, data, plugged=True, time_scale=1)
    async with running_agent(reactor, together) as agent, fleet.owner() as owner:
        hand = beside(agent, data)

        async def waits() -> bool:
            change = (await hand.get("/flows/brew"))["change"]
            return f"not installed yet: run '{run}'" in change["told"]

        await until(reactor, waits)
        told = await until_decided(hand)
        assert [each["state"] for each in told] == ["conflict", "conflict"]
        assert (await hand.get("/flows/brew"))["definition"] == variant("mine again")
        await hand.command("stop", "brew", type=1)

        async def replaced() -> bool:
            change = (await hand.get("/flows/brew"))["change"]
            return change["told"] == (
                "changed at the centre, too: the centre's version 2 stands; "
                "it is installed"
            )

        await until(reactor, replaced)
        flow = await hand.get("/flows/brew")
        assert (flow["version"], flow["definition"]) == (2, variant("theirs"))
        query = ListLocalChanges(device="press_7", flow="brew")
        listed = (await owner.call(LIST_LOCAL_CHANGES, query)).changes
        assert [(c.outcome, c.base, c.version) for c in listed] == [
            (ChangeOutcome.CONFLICT, 1, 2),
            (ChangeOutcome.CONFLICT, 1, 2),
        ]


@pytest_twisted.ensureDeferred
async def test_a_change_is_decided_once_and_only_if_it_makes_sense(  # noqa: PLR0915
    fleet: Fleet,
) -> None:
    key = await fleet.enrol("press_7")
    async with fleet.agent(key) as device, fleet.owner() as owner:

        async def versions() -> int:
            return (await owner.call(GET_FLOW, GetFlow(flow="brew"))).version

        first = await device.call(OFFER_CHANGE, offer("c1", 0, "a"))
        again = await device.call(OFFER_CHANGE, offer("c1", 0, "a"))
        assert first == again
        assert (first.outcome, first.version) == (ChangeOutcome.TAKEN, 1)
        assert await versions() == 1
        same = await device.call(OFFER_CHANGE, offer("c2", 0, "a"))
        assert (same.outcome, same.version) == (ChangeOutcome.TAKEN, 1)
        for _ in range(2):
            late = await device.call(OFFER_CHANGE, offer("c3", 0, "b"))
            assert (late.outcome, late.version, late.definition) == (
                ChangeOutcome.CONFLICT,
                1,
                variant("a"),
            )
        removed = offer("c4", 0, None, kind=ChangeKind.REMOVED)
        taken = await device.call(OFFER_CHANGE, removed)
        assert (taken.outcome, taken.version) == (ChangeOutcome.TAKEN, 1)
        assert await versions() == 1
        listed = (
            await owner.call(LIST_LOCAL_CHANGES, ListLocalChanges(most=2))
        ).changes
        assert [each.change for each in listed] == ["c4", "c3"]
        for refused, words in (
            (offer("c5", 1, None), "a definition belongs"),
            (offer("c5", 1, "x", kind=ChangeKind.REMOVED), "a definition belongs"),
            (offer("c5", -1, "x"), "base must be"),
            (offer("c5", 1, "x", changed_at_ms=-1), "changed_at_ms"),
        ):
            with pytest.raises(InvalidRequest, match=words):
                await device.call(OFFER_CHANGE, refused)
        with pytest.raises(FlowInvalid):
            await device.call(OFFER_CHANGE, offer("c5", 1, None, definition={}))
        with pytest.raises(InvalidRequest, match="most must be"):
            await owner.call(LIST_LOCAL_CHANGES, ListLocalChanges(most=0))
        with pytest.raises(NotPermitted):
            await owner.call(OFFER_CHANGE, offer("c6", 1, "a"))
        assert await versions() == 1
