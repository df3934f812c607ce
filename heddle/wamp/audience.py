"""Who listens to a topic: so that nothing is published that nobody would hear.

The router tells of every subscription as it is made, before it answers anything its
maker asks afterwards. Of their end it is asked now and then: Crossbar 26.10 tells of
some that are still there, and not of all, when a session leaves several at once.
"""

import re
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from heddle.contract.declare import FleetError, Topic
from heddle.wamp.session import Session, UnexpectedError

log = Logger()

LOOK_EVERY_S = 30.0
EVERYBODY = ""  # in place of an id: subscribed to by wildcard


class Audience:
    """The ids for which a topic of one id is subscribed to."""

    def __init__(self, topic: Topic[Any], clock: IReactorTime) -> None:
        self._wildcard = topic.everywhere()
        id_ = r"([a-z0-9_]*)"
        self._uri = re.compile(re.sub(r"\\{\w+\\}", id_, re.escape(topic.uri)))
        self._subscriptions: dict[int, tuple[str, str]] = {}  # id: URI, match
        self._ids: frozenset[str] = frozenset()
        self._session: Session | None = None
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def listens(self, id_: str) -> bool:
        """Whether anybody does, as far as known."""
        return id_ in self._ids or EVERYBODY in self._ids

    async def follow(self, session: Session) -> None:
        """Know who listens from now on, over this session instead of the last."""
        self._session = session
        self._subscriptions.clear()
        self._tally()
        await session.hear_router(
            "wamp.subscription.on_create",
            lambda _session_id, details, **_: self._made(session, details),
        )
        listed = await session.ask_router("wamp.subscription.list")
        await self._get_all(session, listed["exact"])
        # Crossbar 26.10 does not list the others.
        await self._find(session, self._wildcard, "wildcard")
        if not self._loop.running:
            self._start()

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def _start(self) -> None:
        _ = self._loop.start(LOOK_EVERY_S, now=False).addErrback(
            lambda flaw: log.failure("looking for who listens failed", flaw)
        )

    def _made(self, session: Session, details: Mapping[str, Any]) -> None:
        uri = details["uri"]
        if session is self._session and self._uri.fullmatch(uri) is not None:
            self._subscriptions[details["id"]] = uri, details["match"]
            self._tally()

    async def _get_all(self, session: Session, subscriptions: list[int]) -> None:
        asked = [Deferred.fromCoroutine(self._get(session, x)) for x in subscriptions]
        try:
            await gatherResults(asked, consumeErrors=True)
        except FirstError as flaw:
            flaw.subFailure.raiseException()

    async def _get(self, session: Session, subscription: int) -> None:
        try:
            found = await session.ask_router("wamp.subscription.get", subscription)
        except UnexpectedError:
            return  # it ended meanwhile
        self._made(session, found)

    async def _find(self, session: Session, uri: str, match: str) -> None:
        found = await session.ask_router(
            "wamp.subscription.lookup", uri, {"match": match}
        )
        if found is not None:
            self._made(session, {"id": found, "uri": uri, "match": match})

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._forget_ended())

    async def _forget_ended(self) -> None:
        session = self._session
        if session is None:
            return
        for known, (uri, match) in list(self._subscriptions.items()):
            try:
                found = await session.ask_router(
                    "wamp.subscription.lookup", uri, {"match": match}
                )
            except FleetError:
                return  # the link broke: the next one begins anew
            if session is not self._session:
                return
            if found != known:
                self._subscriptions.pop(known, None)
        self._tally()

    def _tally(self) -> None:
        told = self._subscriptions.values()
        found = [self._uri.fullmatch(uri) for uri, _ in told]
        self._ids = frozenset(match[1] for match in found if match is not None)
