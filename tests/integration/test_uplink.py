"""Staying in a realm: an uplink over a router that goes, comes back and refuses."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import Site

from heddle.contract.gate import KeyUnknown
from heddle.contract.runs import RUN_STATUS, RunList, RunQuery
from heddle.wamp.joining import (
    Joined,
    KeyCredentials,
    Refused,
    TicketCredentials,
    Unreachable,
    Uplink,
)
from heddle.wamp.session import Caller, Session
from tests.support.ports import free_port
from tests.support.router import InProcRouter
from tests.support.waiting import WITHIN_S, becomes, until

PLANT = "project_plant"


class Ups:
    """What an uplink tells, in order."""

    def __init__(self, settle: Callable[[Session], Awaitable[None]] | None = None):
        self.told: list[str] = []
        self.refusals: list[Refused] = []
        self._settle = settle
        self._waiting: list[tuple[int, Deferred[None]]] = []

    async def on_join(self, session: Session) -> None:
        self._tell("join")
        if self._settle is not None:
            await self._settle(session)

    def on_leave(self, _why: str) -> None:
        self._tell("leave")

    def on_refused(self, refused: Refused) -> None:
        self.refusals.append(refused)
        self._tell("refused")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        for waiting in list(self._waiting):
            if len(self.told) >= waiting[0]:
                self._waiting.remove(waiting)
                waiting[1].callback(None)

    async def until(self, count: int, within_s: float = WITHIN_S) -> list[str]:
        """What was told, once it is ``count`` things."""
        if len(self.told) < count:
            waiting: Deferred[None] = Deferred()
            self._waiting.append((count, waiting))
            await waiting.addTimeout(within_s, reactor)
        return self.told

    def uplink(
        self, url: str, who: Any, realm: str | None = PLANT, *, listen: bool = True
    ) -> Uplink:
        credentials = KeyCredentials(who) if isinstance(who, SigningKey) else who
        return Uplink(
            reactor,
            url,
            realm,
            credentials,
            on_join=self.on_join,
            on_leave=self.on_leave,
            on_refused=self.on_refused if listen else None,
        )


async def no_runs(_request: RunQuery, _caller: Caller) -> RunList:
    return RunList(runs=())


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("link", ["url", "ws_url"])
async def test_an_uplink_is_back_and_serves_after_the_router_restarted(
    router: InProcRouter, link: str
) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")

    async def serve(session: Session) -> None:
        await session.serve(RUN_STATUS, no_runs, device="press_7")

    ups = Ups(serve)
    uplink = ups.uplink(getattr(router, link), key, realm=None)
    uplink.start()
    assert await ups.until(1) == ["join"]
    await router.restart()
    assert await ups.until(3) == ["join", "leave", "join"]
    assert uplink.session is not None
    async with router.joined(PLANT, router.owner_key) as owner:

        async def served() -> bool:
            await owner.call(RUN_STATUS, RunQuery(), device="press_7")
            return True

        await until(reactor, served)
    await uplink.stop()
    assert uplink.session is None
    assert ups.told == ["join", "leave", "join", "leave"]


@pytest_twisted.ensureDeferred
async def test_an_uplink_waits_for_a_router_that_is_not_there_yet(
    router: InProcRouter,
) -> None:
    await router.stop()
    ups = Ups()
    uplink = ups.uplink(router.url, router.owner_key, "system")
    uplink.start()
    await deferLater(reactor, 0.5)
    assert ups.told == []
    await router.start()
    assert await ups.until(1) == ["join"]
    await uplink.stop()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("failure", [RuntimeError("odd"), Unreachable("no database")])
async def test_an_uplink_that_cannot_settle_leaves_and_joins_again(
    router: InProcRouter, failure: Exception
) -> None:
    async def settle(_session: Session) -> None:
        if len(ups.told) < 3:
            raise failure

    ups = Ups(settle)
    uplink = ups.uplink(router.url, router.owner_key, "system")
    uplink.start()
    assert await ups.until(3) == ["join", "leave", "join"]
    # the first did not stay as a zombie
    await becomes(reactor, lambda: len(router.sessions()), 1)
    await uplink.stop()
    await becomes(reactor, router.sessions, [])


@pytest_twisted.ensureDeferred
async def test_an_uplink_that_is_refused_tells_once_and_gets_in_when_admitted(
    router: InProcRouter,
) -> None:
    key = SigningKey.generate()
    async with router.backend() as backend:
        ups = Ups()
        uplink = ups.uplink(router.url, key)
        uplink.start()
        await ups.until(1)
        await deferLater(reactor, 1)
        assert ups.told == ["refused"]
        assert ups.refusals[0].reason == KeyUnknown.uri
        await backend.device("plant", "press_7", key)
        assert await ups.until(2) == ["refused", "join"]
        await uplink.stop()


@pytest_twisted.ensureDeferred
async def test_a_revoked_device_is_told_that_it_is_not_enrolled(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        ups = Ups()
        uplink = ups.uplink(router.url, key)
        uplink.start()
        await ups.until(1)
        await backend.revoke("plant", "press_7")
        assert await ups.until(3) == ["join", "leave", "refused"]
        await uplink.stop()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("when", ["connecting", "joining", "settling", "waiting"])
async def test_an_uplink_stops_whatever_it_is_doing(
    router: InProcRouter, when: str
) -> None:
    async def forever(_session: Session) -> None:
        await Deferred()

    silent = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await silent.listen(Factory.forProtocol(Protocol))
    urls = {
        "connecting": "rs://192.0.2.1:1",  # an address kept for examples: no answer
        "joining": f"rs://127.0.0.1:{port.getHost().port}",
        "settling": router.url,
        "waiting": f"rs://127.0.0.1:{free_port()}",
    }
    ups = Ups(forever)
    uplink = ups.uplink(urls[when], router.owner_key, "system")
    uplink.start()
    if when == "settling":
        await ups.until(1)
    else:
        await deferLater(reactor, 0.2)
    await uplink.stop()
    await becomes(reactor, router.sessions, [])
    await deferLater(reactor, 0.6)
    assert uplink.session is None
    assert ups.told == (["join", "leave"] if when == "settling" else [])
    assert router.sessions() == []
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_credentials_may_be_made_anew_for_each_attempt(
    router: InProcRouter,
) -> None:
    passwords = iter(["wrong", "secret"])
    async with router.backend(passwords={"ann": "secret"}):
        ups = Ups()
        uplink = ups.uplink(
            router.url, lambda: TicketCredentials("ann", next(passwords)), "system"
        )
        uplink.start()
        assert await ups.until(2) == ["refused", "join"]
        await uplink.stop()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost:1/", "is no router address: use ws://"),
        ("rs://", "is no router address"),
        ("wss://centre..example/ws", "is no router address"),
        ("rs://127.0.0.1:{free}", "no router answers at rs://127.0.0.1"),
        ("ws://127.0.0.1:{free}/ws", "no router answers at ws://127.0.0.1"),
        ("rs://no-such-host.invalid:1", "no router answers"),
    ],
)
async def test_an_address_without_a_router_is_told_in_a_sentence(
    url: str, words: str, router: InProcRouter
) -> None:
    credentials = KeyCredentials(SigningKey.generate())
    with pytest.raises(Unreachable) as caught:
        async with Joined(reactor, url.format(free=free_port()), "system", credentials):
            pass
    assert words in str(caught.value)


@pytest_twisted.ensureDeferred
async def test_a_web_server_that_is_no_router_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for limit in ("CONNECT_TIMEOUT_S", "JOIN_TIMEOUT_S"):
        monkeypatch.setattr(f"heddle.wamp.link.{limit}", 1_000.0)
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(Site(Resource()))
    credentials = KeyCredentials(SigningKey.generate())
    url = f"ws://127.0.0.1:{port.getHost().port}/ws"
    with pytest.raises(Unreachable, match="is it a heddle router"):
        async with Joined(reactor, url, "system", credentials):
            pass
    await port.stopListening()
