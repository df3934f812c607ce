"""Becoming a device: the agent's program against a real router and gatekeeper."""

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor

from heddle.contract.devices import (
    REDEEM_CODE,
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    Enrolled,
    RedeemCode,
)
from heddle.contract.flows import LIST_INSTALLED, ListInstalled
from heddle.contract.gate import ADMIT_DEVICE, DeviceKey
from heddle.wamp.session import Caller
from tests.support.device import DEVICE, PROJECT, program
from tests.support.router import InProcRouter, MiniBackend
from tests.support.waiting import becomes, until

REFUSALS = {
    "wrong": CodeUnknown("no such code"),
    "old": CodeExpired("the code expired at noon"),
    "spent": CodeUsed("the code was used"),
}


async def redeems(gate: MiniBackend) -> list[str]:
    """Have the backend take the code 'right'; tells which codes were shown."""
    shown: list[str] = []

    async def redeem(request: RedeemCode, by: Caller) -> Enrolled:
        shown.append(request.code)
        if request.code in REFUSALS:
            raise REFUSALS[request.code]
        device = DeviceKey(project=PROJECT, device=DEVICE, public_key=by.authid)
        await gate.session.call(ADMIT_DEVICE, device)
        return Enrolled(project=PROJECT, realm=f"project_{PROJECT}", device=DEVICE)

    await gate.session.serve(REDEEM_CODE, redeem)
    return shown


async def until_online(router: InProcRouter) -> None:
    async with router.joined(f"project_{PROJECT}", router.owner_key) as owner:

        async def serves() -> bool:
            await owner.call(LIST_INSTALLED, ListInstalled(), device=DEVICE)
            return True

        await until(reactor, serves)


@pytest_twisted.ensureDeferred
async def test_a_code_makes_a_device_once(router: InProcRouter, tmp_path: Path) -> None:
    data = tmp_path / "device"
    async with router.backend(projects=(PROJECT,)) as gate:
        shown = await redeems(gate)
        async with program(reactor, router, data, code="right") as agent:
            await until_online(router)
            assert await agent.stop() == 0
        async with program(reactor, router, data) as agent:  # no code any more
            await until_online(router)
            assert await agent.stop() == 0
    assert shown == ["right"]
    assert stat.S_IMODE((data / "device.key").stat().st_mode) == 0o600
    enrolled = msgspec.json.decode((data / "enrolled.json").read_bytes())
    assert enrolled["device"] == DEVICE
    assert "enrolled as press_7 in project plant" in agent.said
    assert "Traceback" not in agent.said


@pytest.mark.parametrize("code", [*REFUSALS, None])
@pytest_twisted.ensureDeferred
async def test_a_refused_code_ends_the_agent_with_a_sentence(
    router: InProcRouter, tmp_path: Path, code: str | None
) -> None:
    settings: dict[str, Any] = {"code": code} if code else {}
    async with router.backend(projects=(PROJECT,)) as gate:
        await redeems(gate)
        async with program(reactor, router, tmp_path / "d", **settings) as agent:
            assert await agent.ended() == 3
    assert str(REFUSALS[code]) in agent.said if code else "has no code" in agent.said
    assert "AGENT_CODE_FILE" in agent.said
    assert "Traceback" not in agent.said


@pytest_twisted.ensureDeferred
async def test_it_waits_for_the_router_the_backend_and_the_code(
    router: InProcRouter, tmp_path: Path
) -> None:
    code, data = tmp_path / "code", tmp_path / "device"
    await router.stop()
    async with program(reactor, router, data, code_file=code) as agent:

        def tries() -> int:
            return agent.said.count("not enrolled yet")

        await becomes(reactor, lambda: tries() >= 1)  # no code
        code.write_text("right\n")
        await becomes(reactor, lambda: tries() >= 2)  # no router
        await router.start()
        async with router.backend(projects=(PROJECT,)) as gate:
            await becomes(reactor, lambda: tries() >= 3)  # nobody to redeem it
            await redeems(gate)
            await until_online(router)
            assert await agent.stop() == 0


@pytest_twisted.ensureDeferred
async def test_it_can_be_stopped_while_it_waits(
    router: InProcRouter, tmp_path: Path
) -> None:
    async with program(reactor, router, tmp_path / "d", code="right") as agent:
        await becomes(reactor, lambda: "not enrolled yet" in agent.said)
        assert await agent.stop() == 0
    assert "Traceback" not in agent.said


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"driver": "csv:/nowhere.csv"}, "CSV file /nowhere.csv: No such file"),
        ({"driver": "opc"}, "setting AGENT_DRIVER is unusable"),
        ({"tags": "/nowhere.toml"}, "tag file /nowhere.toml: No such file"),
        ({"time_scale": "-1"}, "setting AGENT_TIME_SCALE is unusable"),
        ({"data": "/proc/nothing"}, "AGENT_DATA must be a directory it may write"),
        ({"router_url": ""}, "setting AGENT_ROUTER_URL is missing"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_unusable_settings_are_told_before_anything_else(
    router: InProcRouter, tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    agent_settings: dict[str, Any] = {"code": "right", **settings}
    async with program(reactor, router, tmp_path / "d", **agent_settings) as agent:
        assert await agent.ended() == 2
    assert sentence in agent.said
    assert len(agent.said.splitlines()) == 1


@pytest_twisted.ensureDeferred
async def test_a_broken_enrolment_file_is_told(
    router: InProcRouter, tmp_path: Path
) -> None:
    data = tmp_path / "device"
    data.mkdir()
    (data / "enrolled.json").write_text('{"project": "pl')
    async with program(reactor, router, data, code="right") as agent:
        assert await agent.ended() == 2
    assert "delete it to enrol again" in agent.said
