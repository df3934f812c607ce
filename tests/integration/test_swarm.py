"""A swarm of real agents in this process, with the real backend and a real router."""

import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from resource import RLIMIT_NOFILE, setrlimit
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.swarm.config import SwarmConfig
from edge_agent.swarm.line import BadLine
from edge_agent.swarm.parts import Manner, parts
from edge_agent.swarm.swarm import Swarm
from heddle.contract.devices import CREATE_CODE, LIST_DEVICES, CreateCode, ListDevices
from heddle.contract.flows import (
    INSTALL_FLOW,
    LIST_INSTALLED,
    InstallFlow,
    ListInstalled,
)
from heddle.contract.runs import (
    RUN_STATUS,
    START_RUN,
    RunQuery,
    RunStatus,
    StartRun,
)
from heddle.contract.samples import INGEST, Ingest, Receipt
from heddle.files import write_whole
from heddle.local.swarm import CODE_NAME
from heddle.wamp.session import Caller, CallTimedOut, Session
from tests.support.device import Ledger, example
from tests.support.fleet import Fleet, running_fleet
from tests.support.waiting import until

DEVICES = 20


class Centre:
    """Fleetdata's end of all ledgers, one for each device."""

    def __init__(self) -> None:
        self.ledgers: dict[str, Ledger] = {}

    async def serve(self, session: Session) -> None:
        """Serve ``ingest``."""
        await session.serve(INGEST, self._ingest)

    async def _ingest(self, batch: Ingest, by: Caller) -> Receipt:
        ledger = self.ledgers.setdefault(by.authid, Ledger())
        return await ledger.ingest(batch, by)


@pytest_twisted.async_yield_fixture(name="fleet")
async def _running(plain_database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


def settings(fleet: Fleet, **changes: Any) -> SwarmConfig:
    """Twenty devices, of which some are of each bad manner."""
    wanted: dict[str, Any] = {
        "router_url": fleet.router.url,
        "data": fleet.folder / "swarm",
        "devices": DEVICES,
        "seed": 3,
        "flapping": 0.15,
        "mute": 0.15,
        "slow": 0.15,
        "scan_s": 2.0,
        "time_scale": 120.0,
        "joining": 4,
    }
    return SwarmConfig(**{**wanted, **changes})


@asynccontextmanager
async def running_swarm(config: SwarmConfig) -> AsyncIterator[Swarm]:
    """A swarm whose members have all been online."""
    swarm = Swarm(reactor, config)
    swarm.start()
    try:

        async def joined() -> bool:
            standing = swarm.standing()
            return standing.joined == standing.devices

        await until(reactor, joined, within_s=120)
        yield swarm
    finally:
        await swarm.stop()


async def make_codes(owner: Session, config: SwarmConfig) -> None:
    """What ``heddle swarm`` does before it becomes the swarm."""
    for part in parts(config.name, config.seed, config.devices, config.manners):
        made = await owner.call(CREATE_CODE, CreateCode(device=part.device))
        file = config.data / part.device / CODE_NAME
        write_whole(file, made.code.encode(), durable=False)


async def online(owner: Session) -> set[str]:
    """Who is online as the backend sees it."""
    found = await owner.call(LIST_DEVICES, ListDevices())
    return {each.device for each in found.devices if each.online}


@pytest_twisted.ensureDeferred
async def test_twenty_agents_enrol_join_measure_and_run_flows(fleet: Fleet) -> None:
    config, centre = settings(fleet), Centre()
    fleetdata = fleet.router.joined(
        "project_plant", fleet.router.service_key("fleetdata")
    )
    async with fleetdata as session, fleet.owner() as owner:
        await centre.serve(session)
        await make_codes(owner, config)
        await _a_swarm_can_be_ended_while_it_joins(config)
        async with running_swarm(config) as swarm:
            names = {member.part.device for member in swarm.members}
            manners = Counter(member.part.manner for member in swarm.members)
            assert set(manners) == set(Manner)  # or the seed is a bad one
            assert swarm.standing().refused == 0
            await until(reactor, lambda: _is(online(owner), names))
            await _heard_of_all_that_speak(swarm, centre)
            await _runs_finish(await _runs_begin(swarm, owner), owner)
            await _the_mute_is_online_and_answers_nothing(swarm, owner)
            await _a_broken_link_comes_back(swarm, owner)
            runs = await _runs_begin(swarm, owner)
        await until(reactor, lambda: _is(online(owner), set()))
        before = {
            n: list(centre.ledgers[n].samples) for n in names & set(centre.ledgers)
        }
        async with running_swarm(config) as again:  # the same fleet: no code is needed
            assert {member.part.device for member in again.members} == names
            await until(reactor, lambda: _is(online(owner), names))
            await _runs_finish(runs, owner)
        assert all(not ledger.losses for ledger in centre.ledgers.values())
        assert all(
            centre.ledgers[n].samples[: len(told)] == told for n, told in before.items()
        )


async def _a_swarm_can_be_ended_while_it_joins(config: SwarmConfig) -> None:
    swarm = Swarm(reactor, config)
    swarm.start()

    async def begun() -> bool:
        return swarm.standing().joined > 0

    await until(reactor, begun)
    await swarm.stop()
    assert swarm.standing().online == 0


async def _is(asked: Any, wanted: set[str]) -> bool:
    return bool(await asked == wanted)


async def _heard_of_all_that_speak(swarm: Swarm, centre: Centre) -> None:
    speaking = {m.part.device for m in swarm.members if m.part.manner != Manner.MUTE}

    async def heard() -> bool:
        return all(
            len({tag for tag, *_ in centre.ledgers[name].samples}) == 12
            if name in centre.ledgers
            else False
            for name in speaking
        )

    await until(reactor, heard)


async def _runs_begin(swarm: Swarm, owner: Session) -> dict[str, str]:
    """A run on each of two steady devices, by device."""
    steady = [m for m in swarm.members if m.part.manner == Manner.STEADY][:2]
    runs = {}
    for member in steady:
        device = member.part.device
        request = InstallFlow(flow="brew", version=1, definition=example())
        await owner.call(INSTALL_FLOW, request, device=device)
        report = await owner.call(START_RUN, StartRun(flow="brew"), device=device)
        runs[device] = report.run
    return runs


async def _runs_finish(runs: dict[str, str], owner: Session) -> None:
    async def over() -> bool:
        found = [
            (await owner.call(RUN_STATUS, RunQuery(run=run), device=device)).runs[0]
            for device, run in runs.items()
        ]
        return all(report.status is RunStatus.FINISHED for report in found)

    await until(reactor, over, within_s=120)


async def _the_mute_is_online_and_answers_nothing(swarm: Swarm, owner: Session) -> None:
    mute = next(m for m in swarm.members if m.part.manner == Manner.MUTE)

    async def is_hushed() -> bool:
        return isinstance(mute.line, BadLine) and mute.line.is_hushed

    await until(reactor, is_hushed)
    with pytest.raises(CallTimedOut):
        await owner.call(
            LIST_INSTALLED, ListInstalled(), device=mute.part.device, timeout_s=2
        )
    assert mute.is_online


async def _a_broken_link_comes_back(swarm: Swarm, owner: Session) -> None:
    member = next(m for m in swarm.members if m.part.manner == Manner.SLOW)
    name, line = member.part.device, member.line
    assert isinstance(line, BadLine)
    line.cut()

    async def is_gone() -> bool:
        return name not in await online(owner)

    await until(reactor, is_gone)
    line.mend()

    async def is_back() -> bool:
        return name in await online(owner)

    await until(reactor, is_back)


def test_too_few_open_files_are_told_before_anything_is_begun() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "heddle.cli", "swarm", "--devices", "1000"],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: setrlimit(RLIMIT_NOFILE, (256, 1000)),
    )
    assert done.returncode == 2
    assert done.stderr == (
        "heddle: a swarm of 1000 devices needs 8200 open files, and this system allows "
        "1000: raise it (as root: `ulimit -n 8200`), or start at most 100 devices\n"
    )


@pytest_twisted.ensureDeferred
async def test_without_codes_all_are_refused_and_why_is_told(fleet: Fleet) -> None:
    swarm = Swarm(reactor, settings(fleet, devices=3))
    swarm.start()
    try:

        async def refused() -> bool:
            return swarm.standing().refused == 3

        await until(reactor, refused)
        assert "has no code" in (swarm.refusal() or "")
    finally:
        await swarm.stop()
