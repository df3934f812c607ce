"""Every role tries everything, on its own and others' devices, in its own and others'
projects: what the contract allows succeeds, and nothing else does.

The attempts are made from the contract (``tests/exam``), so a new procedure is examined
with the next run. How many were made is printed (``pytest -s``, and in the report).
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor

from heddle.contract import PROCEDURES
from heddle.contract.declare import SYSTEM_REALM, Role, Scope, project_realm
from tests.exam.attempts import OTHER, OWN, Examinee, attempts
from tests.exam.sitting import Outcome, Sitting, with_ticket
from tests.support.figures import tell
from tests.support.rawwamp import CALL, RawWamp
from tests.support.router import InProcRouter, MiniBackend

PROJECTS = ("plant", "other")
PEOPLE = (Role.OWNER, Role.OPERATOR, Role.VIEWER)
LEAST = 10_000


@dataclass
class Room:
    """The router, and who serves what in each realm."""

    router: InProcRouter
    backend: MiniBackend
    devices: dict[tuple[str, str], SigningKey]
    sittings: AsyncExitStack

    async def seat(self, realm: str, key: SigningKey, name: str) -> Sitting:
        """A session by key."""
        raw = await RawWamp.connect(reactor, self.router.rawsocket_port)
        await raw.join(realm, key)
        return await self._seated(raw, name)

    async def seat_person(self, project: str, role: Role) -> Sitting:
        """A session by ticket."""
        user = f"{role}_of_{project}"
        ticket = self.backend.ticket(user, project, role, valid_s=3600).ticket
        raw = await RawWamp.connect(reactor, self.router.rawsocket_port)
        await with_ticket(raw, project_realm(project), user, ticket)
        return await self._seated(raw, user)

    async def _seated(self, raw: RawWamp, name: str) -> Sitting:
        sitting = Sitting(raw, name)
        self.sittings.push_async_callback(sitting.leave)
        return sitting


@asynccontextmanager
async def room(router: InProcRouter) -> AsyncIterator[Room]:
    """Two projects with devices of the same names, and every procedure served."""
    async with (
        router.backend(projects=PROJECTS) as backend,
        AsyncExitStack() as leaving,
    ):
        devices = {
            (project, device): await backend.device(project, device)
            for project in PROJECTS
            for device in (OWN, OTHER)
        }
        found = Room(router, backend, devices, leaving)
        for project in PROJECTS:
            await serve_project(found, project)
        for service in (Role.BACKEND, Role.FLEETDATA):
            server = await found.seat(
                SYSTEM_REALM, router.service_key(service), f"{service} of system"
            )
            await server.serve(uris(service, Scope.SYSTEM))
        yield found


async def serve_project(room: Room, project: str) -> None:
    realm = project_realm(project)
    for service in (Role.BACKEND, Role.FLEETDATA):
        key = room.router.service_key(service)
        server = await room.seat(realm, key, f"{service} of {project}")
        await server.serve(uris(service, Scope.PROJECT))
    for device in (OWN, OTHER):
        key = room.devices[project, device]
        agent = await room.seat(realm, key, f"{device} of {project}")
        await agent.serve(uris(Role.AGENT, Scope.PROJECT, device))


def uris(role: Role, scope: Scope, device: str = "") -> list[str]:
    """What a role serves."""
    return [
        one.uri.replace("{device}", device)
        for one in PROCEDURES
        if one.served_by is role and one.scope is scope
    ]


def wrong(who: str, outcomes: list[Outcome], home: str) -> list[str]:
    """What was let in against the contract, or refused against it, or led elsewhere."""
    flaws = []
    for outcome in outcomes:
        attempt = outcome.attempt
        if outcome.let_in is not attempt.allowed:
            verdict = "allowed, but refused" if attempt.allowed else "not refused"
            flaws.append(f"{who}: {attempt}: {verdict}: {outcome.said}")
        elif attempt.kind == CALL and " of " in outcome.said:
            place = f" of {home}"
            if f".device.{OWN}." in attempt.uri:
                place = OWN + place
            if not outcome.said.endswith(place):
                flaws.append(f"{who}: {attempt}: answered by {outcome.said}")
    return flaws


@pytest_twisted.ensureDeferred
async def test_nobody_does_what_the_contract_does_not_allow(
    router: InProcRouter, capsys
) -> None:
    tried = let_in = 0
    flaws: list[str] = []
    async with room(router) as exam:
        for who, sitting, home in [
            *[each async for each in of_projects(exam)],
            *[each async for each in of_system(exam)],
        ]:
            outcomes = await sitting.sit(attempts(who))
            tried += len(outcomes)
            let_in += sum(outcome.let_in for outcome in outcomes)
            flaws += wrong(f"{who.role} {sitting.name}", outcomes, home)
    tell(capsys, f"isolation exam: {tried} attempts over WAMP, {let_in} allowed")
    assert flaws[:20] == []
    assert tried >= LEAST


async def of_projects(exam: Room) -> AsyncIterator[tuple[Examinee, Sitting, str]]:
    """Who is in a project's realm."""
    for project in PROJECTS:
        realm = project_realm(project)
        for service in (Role.BACKEND, Role.FLEETDATA):
            key = exam.router.service_key(service)
            sitting = await exam.seat(realm, key, f"a second {service}")
            yield Examinee(service, Scope.PROJECT, service), sitting, project
        key = exam.devices[project, OWN]
        sitting = await exam.seat(realm, key, f"{OWN} of {project}")
        yield Examinee(Role.AGENT, Scope.PROJECT, OWN), sitting, project
        for role in PEOPLE:
            sitting = await exam.seat_person(project, role)
            yield Examinee(role, Scope.PROJECT, sitting.name), sitting, project


async def of_system(exam: Room) -> AsyncIterator[tuple[Examinee, Sitting, str]]:
    """Who is in the system's realm."""
    keys = {
        Role.BACKEND: exam.router.service_key("backend"),
        Role.FLEETDATA: exam.router.service_key("fleetdata"),
        Role.PERSON: exam.router.owner_key,
        Role.ENROLLING: SigningKey.generate(),
    }
    for role, key in keys.items():
        sitting = await exam.seat(SYSTEM_REALM, key, f"a {role}")
        yield Examinee(role, Scope.SYSTEM, sitting.name), sitting, "system"


@pytest_twisted.ensureDeferred
async def test_nobody_joins_where_they_do_not_belong(router: InProcRouter) -> None:
    """Every credential at every realm, under its own and a better name."""
    async with router.backend(projects=PROJECTS) as backend:
        device = await backend.device("plant", OWN)
        stranger = SigningKey.generate()
        for key in (device, stranger):
            for realm in ("project_other", "project_nowhere", "crossbar", "heddle"):
                raw = await RawWamp.connect(reactor, router.rawsocket_port)
                assert await refused(raw, realm, key), (realm, key is device)
        for role in PEOPLE:
            ticket = backend.ticket("mia", "plant", role).ticket
            for realm, name in (
                ("project_other", "mia"),
                (SYSTEM_REALM, "mia"),
                ("project_plant", "somebody_else"),
            ):
                raw = await RawWamp.connect(reactor, router.rawsocket_port)
                raw.hello(realm, authmethods=["ticket"], authid=name)
                answer = await raw.receive()
                if answer[0] == 4:
                    answer = await raw.ask(5, ticket, {})
                assert answer[0] == 3, (role, realm, name, answer)
                raw.drop()


async def refused(raw: RawWamp, realm: str, key: SigningKey) -> bool:
    """Whether a key does not get into a realm."""
    extra = {"pubkey": key.verify_key.encode().hex()}
    raw.hello(realm, authmethods=["cryptosign"], authextra=extra)
    answer = await raw.receive()
    if answer[0] == 4:
        challenge = bytes.fromhex(answer[2]["challenge"])
        answer = await raw.ask(5, key.sign(challenge).hex(), {})
    raw.drop()
    return answer[0] == 3
