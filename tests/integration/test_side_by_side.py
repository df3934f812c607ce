"""Several backends with one key, at once: calls in turn, none undoes another's word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from heddle.contract.accounts import LIST_SESSIONS, ListSessions
from heddle.contract.declare import SYSTEM_REALM
from heddle.contract.gate import (
    ADMIT_DEVICE,
    REVOKE_DEVICE,
    SET_DIRECTORY,
    DeviceKey,
    Directory,
    RevokeDevice,
)
from heddle.contract.people import CREATE_PROJECT, LIST_USERS, CreateProject, ListUsers
from heddle.contract.upkeep import DECOMMISSION, Decommission
from heddle.wamp.joining import Refused
from heddle.wamp.keys import public_hex
from services.backend.config import Config
from services.backend.service import Backend
from tests.support.fleet import Fleet, running_fleet
from tests.support.waiting import becomes, until

ROOT = Path(__file__).parents[2]


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


def callees(fleet: Fleet, realm: str, uri: str) -> int:
    """How many sessions serve a procedure."""
    dealer = fleet.router.worker.realm_by_name(realm).router._dealer
    found = dealer._registration_map.get_observation(uri)
    return len(found.observers) if found else 0


async def serving(fleet: Fleet, number: int, project: str = "plant") -> None:
    """Wait until so many backends serve the last procedures of a project."""
    await becomes(
        reactor,
        lambda: callees(fleet, f"project_{project}", LIST_SESSIONS.uri),
        number,
    )


def backend_process(fleet: Fleet) -> subprocess.Popen[bytes]:
    """Another backend of the fleet, to be killed."""
    environ = {f"BACKEND_{name.upper()}": str(x) for name, x in fleet.settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "services.backend"],
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, **environ},
    )


@pytest_twisted.ensureDeferred
async def test_two_backends_share_the_calls_and_tell_the_router_side_by_side(
    fleet: Fleet,
) -> None:
    second = Backend(reactor, Config(**fleet.settings))
    await second.start()
    await serving(fleet, 2)
    async with fleet.person() as admin, fleet.owner() as owner:
        await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
        await serving(fleet, 2, "brewery")
        keys = [await fleet.enrol(f"press_{n}") for n in range(4)]
        for backend in (fleet.backend, second):  # each tells all it knows, anew
            await backend._gate.tell_everything(backend._system.session)
        await owner.call(DECOMMISSION, Decommission(device="press_0", force=True))
        with pytest.raises(Refused, match="not enrolled"):
            async with fleet.agent(keys[0]):
                pass
        for n, key in enumerate(keys[1:], start=1):
            async with fleet.agent(key) as agent:
                assert agent.authid == f"press_{n}"
    await fleet.stop_backend()
    await serving(fleet, 1)
    async with fleet.owner() as owner:
        assert (await owner.call(LIST_USERS, ListUsers())).users
    await second.stop()


@pytest_twisted.ensureDeferred
async def test_a_backend_that_is_killed_leaves_the_calls_to_the_other(
    fleet: Fleet,
) -> None:
    process = backend_process(fleet)
    try:
        await serving(fleet, 2)
        async with fleet.owner() as owner:

            async def asked() -> None:
                async def answers() -> bool:
                    return bool(await owner.call(LIST_SESSIONS, ListSessions()))

                await until(reactor, answers)  # a call under way may be lost, once

            before = [Deferred.fromCoroutine(asked()) for _ in range(20)]
            process.kill()
            await gatherResults(before)
            await serving(fleet, 1)
            for _ in range(5):
                assert (await owner.call(LIST_SESSIONS, ListSessions())).sessions
        key = await fleet.enrol("press_7")
        async with fleet.agent(key):
            pass
    finally:
        process.kill()
        process.wait()


@pytest_twisted.ensureDeferred
async def test_what_arrives_late_undoes_nothing(router) -> None:
    key, again = SigningKey.generate(), SigningKey.generate()
    ticket_key = public_hex(SigningKey.generate())
    backend_key = router.service_key("backend")
    press_7 = DeviceKey(project="plant", device="press_7", public_key=public_hex(key))

    def admitted(change: int, key: SigningKey) -> DeviceKey:
        return DeviceKey(
            project="plant",
            device="press_7",
            public_key=public_hex(key),
            change=change,
        )

    def directory(change: int, *devices: DeviceKey) -> Directory:
        return Directory(
            projects=("plant",), devices=devices, ticket_key=ticket_key, change=change
        )

    async def is_in(key: SigningKey) -> bool:
        try:
            async with router.joined("project_plant", key):
                return True
        except Refused:
            return False

    async with (
        router.joined(SYSTEM_REALM, backend_key) as one,
        router.joined(SYSTEM_REALM, backend_key) as other,
    ):
        await one.call(SET_DIRECTORY, directory(10))
        await other.call(ADMIT_DEVICE, admitted(12, key))
        await one.call(SET_DIRECTORY, directory(11))  # read before, told after
        assert await is_in(key)
        await one.call(SET_DIRECTORY, directory(15, press_7))
        await other.call(SET_DIRECTORY, directory(14))
        assert await is_in(key)
        gone = RevokeDevice(project="plant", device="press_7", change=17)
        await one.call(REVOKE_DEVICE, gone)
        await other.call(ADMIT_DEVICE, admitted(16, again))
        assert not await is_in(again)
        await other.call(ADMIT_DEVICE, admitted(18, again))
        assert await is_in(again)
