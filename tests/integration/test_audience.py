"""Who listens to a topic, as a real router tells and is asked."""

from collections.abc import AsyncIterator

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import Clock

from heddle.contract.declare import InvalidRequest
from heddle.contract.history import LATEST, LIVE, Latest, LatestQuery
from heddle.contract.samples import TELEMETRY
from heddle.wamp.audience import LOOK_EVERY_S, Audience
from heddle.wamp.joining import Joined
from heddle.wamp.session import Caller, Session
from tests.support.router import InProcRouter
from tests.support.waiting import becomes

PLANT = "project_plant"


class Plant:
    """A project's people, and fleetdata's session with its audience."""

    def __init__(self, router: InProcRouter) -> None:
        self.router = router
        self.clock = Clock()
        self.audience = Audience(LIVE, self.clock)
        self._joined: dict[Session, Joined] = {}

    async def person(self) -> Session:
        return await self._join(self.router.joined(PLANT, self.router.owner_key))

    async def service(self) -> Session:
        key = self.router.service_key("fleetdata")
        session = await self._join(self.router.joined(PLANT, key))
        await self.audience.follow(session)
        return session

    async def _join(self, joined: Joined) -> Session:
        session = await joined.__aenter__()
        self._joined[session] = joined
        return session

    async def leaves(self, *sessions: Session) -> None:
        """Until the router has noticed, and the audience has looked."""
        left = len(self.router.sessions()) - len(sessions)
        for session in sessions:
            await self._joined.pop(session).__aexit__()
        await becomes(reactor, lambda: len(self.router.sessions()), left)
        self.clock.advance(LOOK_EVERY_S)

    async def close(self) -> None:
        self.audience.stop()
        assert self.clock.getDelayedCalls() == []
        for joined in self._joined.values():
            await joined.__aexit__()


@pytest_twisted.async_yield_fixture
async def plant(router: InProcRouter) -> AsyncIterator[Plant]:
    async with router.backend():
        plant = Plant(router)
        yield plant
        await plant.close()


async def hear(session: Session, **ids: str) -> None:
    await session.hear(LIVE, lambda _event, _ids: None, **ids)


@pytest_twisted.ensureDeferred
async def test_who_asks_after_subscribing_is_known_when_the_question_comes(
    plant: Plant,
) -> None:
    known: list[bool] = []

    async def latest(query: LatestQuery, _: Caller) -> Latest:
        known.append(plant.audience.listens(query.device))
        raise InvalidRequest("enough")

    ann, service = await plant.person(), await plant.service()
    await service.serve(LATEST, latest)
    for _ in range(2):
        with pytest.raises(InvalidRequest):
            await ann.call(LATEST, LatestQuery(device="press_1"))
        await hear(ann, device="press_1")
    assert known == [False, True]
    await hear(ann)
    with pytest.raises(InvalidRequest):
        await ann.call(LATEST, LatestQuery(device="press_2"))
    assert known == [False, True, True]


@pytest_twisted.ensureDeferred
async def test_those_who_listened_before_are_found(plant: Plant) -> None:
    ann, bob = await plant.person(), await plant.person()
    await hear(ann, device="press_1")
    await ann.hear(TELEMETRY, lambda _event, _ids: None, device="press_2")
    service = await plant.service()
    assert plant.audience.listens("press_1")
    assert not plant.audience.listens("press_2")

    await hear(bob)
    await plant.leaves(service)
    await plant.service()
    assert plant.audience.listens("press_2")


@pytest_twisted.ensureDeferred
async def test_an_end_counts_only_where_nobody_else_listens(plant: Plant) -> None:
    """Of what a session leaves at once, Crossbar tells one end for all."""
    ann, bob, all_ = [await plant.person() for _ in range(3)]
    await plant.service()
    await hear(ann, device="press_1")
    for device in ("press_1", "press_2", "press_3"):
        await hear(bob, device=device)
    await becomes(reactor, lambda: plant.audience.listens("press_3"))
    await plant.leaves(bob)
    await becomes(reactor, lambda: plant.audience.listens("press_2"), wanted=False)
    assert not plant.audience.listens("press_3")
    assert plant.audience.listens("press_1")

    await hear(all_)
    await becomes(reactor, lambda: plant.audience.listens("press_3"))
    await plant.leaves(all_, ann)
    await becomes(reactor, lambda: plant.audience.listens("press_3"), wanted=False)
    assert not plant.audience.listens("press_1")
