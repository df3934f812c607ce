"""A service that is told to end answers what it was asked, and takes no more."""

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.web.client import ResponseFailed
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from heddle.contract.devices import LIST_DEVICES, DeviceList, ListDevices
from heddle.wamp import joining
from heddle.wamp.joining import KeyCredentials, Uplink
from heddle.wamp.session import Caller, NotServed, Session
from heddle.web import Bounded, BoundedRequest, BoundedSite
from tests.support.ports import free_port
from tests.support.rest import Rest
from tests.support.router import InProcRouter
from tests.support.waiting import becomes

PLANT = "project_plant"


class Slow:
    """A service that answers when it is told to."""

    def __init__(self, router: InProcRouter) -> None:
        self.asked: Deferred[None] = Deferred()
        self.answer: Deferred[None] = Deferred()
        self._router = router
        self.uplink = Uplink(
            reactor,
            router.url,
            PLANT,
            KeyCredentials(router.service_key("backend")),
            on_join=self._serve,
            is_service=True,
        )

    async def _serve(self, session: Session) -> None:
        await session.serve(LIST_DEVICES, self._list, shared=True)

    async def _list(self, _request: ListDevices, _caller: Caller) -> DeviceList:
        self.asked.callback(None)
        await self.answer
        return DeviceList(devices=())

    async def is_served(self, callees: int) -> None:
        """Wait until so many serve."""

        def serving() -> int:
            dealer = self._router.worker.realm_by_name(PLANT).router._dealer
            found = dealer._registration_map.get_observation(LIST_DEVICES.uri)
            return len(found.observers) if found else 0

        await becomes(reactor, serving, callees)


async def asked(slow: Slow, owner: Any) -> Deferred[DeviceList]:
    """A call that is under way."""
    slow.uplink.start()
    await slow.is_served(1)
    reply = Deferred.fromCoroutine(owner.call(LIST_DEVICES, ListDevices()))
    await slow.asked
    return reply


@pytest_twisted.ensureDeferred
async def test_a_call_under_way_is_answered_and_a_new_one_finds_nobody(
    router: InProcRouter,
) -> None:
    slow = Slow(router)
    async with router.backend(), router.joined(PLANT, router.owner_key) as owner:
        reply = await asked(slow, owner)
        stopping = Deferred.fromCoroutine(slow.uplink.stop())
        await slow.is_served(0)
        with pytest.raises(NotServed):
            await owner.call(LIST_DEVICES, ListDevices())
        assert not stopping.called
        slow.answer.callback(None)
        assert await reply == DeviceList(devices=())
        await stopping
        assert slow.uplink.session is None


@pytest_twisted.ensureDeferred
async def test_a_call_that_takes_too_long_does_not_keep_a_service_from_ending(
    router: InProcRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "RETIRE_WITHIN_S", 0.2)
    slow = Slow(router)
    async with router.backend(), router.joined(PLANT, router.owner_key) as owner:
        reply = await asked(slow, owner)
        await slow.uplink.stop()
        with pytest.raises(NotServed):
            await reply
        slow.answer.callback(None)


class Later(Resource):
    """Answers each request when it is told to; ``/stream`` never."""

    isLeaf = True  # noqa: N815 -- Twisted's name

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[bytes, Any] = {}

    def render(self, request: Any) -> int:
        self.open[request.path] = request
        request.is_stream = request.path == b"/stream"
        if request.is_stream:
            request.write(b"begun")
        return NOT_DONE_YET


class Asked(BoundedRequest):
    """A request that may be a stream."""

    is_stream = False


@pytest_twisted.ensureDeferred
async def test_http_answers_what_was_asked_before_it_hangs_up() -> None:
    later = Later()
    site = BoundedSite(later)
    site.requestFactory = Asked
    factory, port = Bounded(site, 10), free_port()
    listening = reactor.listenTCP(port, factory, interface="127.0.0.1")
    rest = Rest(reactor, f"http://127.0.0.1:{port}")
    asked, stream, hanging = (
        Deferred.fromCoroutine(rest.ask("GET", path))
        for path in ("/asked", "/stream", "/hanging")
    )
    await becomes(reactor, lambda: len(later.open), 3)
    await listening.stopListening()
    ending = Deferred.fromCoroutine(factory.hang_up(reactor, 60))
    assert (await stream).body == b"begun"  # it is cut
    later.open[b"/asked"].write(b"answered")
    later.open[b"/asked"].finish()
    assert (await asked).body == b"answered"
    assert not ending.called
    ending.cancel()
    with pytest.raises(CancelledError):
        await ending
    await factory.hang_up(reactor, 0)
    with pytest.raises(ResponseFailed):
        await hanging
    await becomes(reactor, lambda: len(factory.protocols), 0)
    await deferLater(reactor, 0)
