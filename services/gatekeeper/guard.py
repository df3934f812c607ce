"""Closes what Crossbar leaves open in a connection before and beside authorisation.

A connection that has not joined in time is cut, one that says HELLO twice too. Nobody
may claim to speak for another session (``forward_for`` is for links between routers,
which we do not run), answer a call that was made to somebody else, or send a payload
that others cannot read. A session whose key was revoked between challenge and answer is
cut as it joins; one that came by a ticket when that expires without being renewed.
Who does not take what is sent to them is cut before it fills the router's memory.
Cutting means closing the socket: a GOODBYE is a request, and may be ignored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from autobahn.wamp import message
from crossbar.router.protocol import (
    WampRawSocketServerFactory,
    WampRawSocketServerProtocol,
    WampWebSocketServerFactory,
    WampWebSocketServerProtocol,
)
from crossbar.router.session import RouterSession
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.declare import Role
from services.gatekeeper.payloads import flaw_of
from services.gatekeeper.pressure import Allowance, Dropped, Watch, waiting_in

log = Logger()

JOIN_WITHIN_S = 10.0

_WITH_PAYLOAD = (message.Call, message.Publish, message.Yield, message.Error)

OVERSTAY_S = 2.0  # for a renewal that is on its way

Welcome = Callable[[str, str, str, str], bool]
"""Whether realm, role, authid and ticket's session are still welcome."""


class ByTicket(NamedTuple):
    """The ticket a connection came by; the gatekeeper's word, never the client's."""

    session: str = ""
    until_s: float | None = None

    def extra(self) -> dict[str, Any]:
        """As the router keeps it with the session."""
        return {_EXTRA: {"session": self.session, "until_s": self.until_s}}


_EXTRA = "heddle_ticket"


def ticket_of(extra: Mapping[str, Any] | None) -> ByTicket:
    """What ``extra`` made of it; nothing for who came without a ticket."""
    return ByTicket(**(extra or {}).get(_EXTRA, {}))


def cut(session: Any) -> None:
    """Close a session's connection now, without asking its other side."""
    _cut(session._transport)


def _cut(transport: Any) -> None:
    if transport is None:
        return
    if hasattr(transport, "dropConnection"):  # WebSocket
        transport.dropConnection(abort=True)
    else:
        transport.abort()


class GuardedSession(RouterSession):  # type: ignore[misc]
    """The router's end of a connection."""

    def __init__(
        self,
        router_factory: Any,
        clock: IReactorTime,
        patience_s: float,
        welcome: Welcome,
    ) -> None:
        super().__init__(router_factory)
        self._clock = clock
        self._patience_s = patience_s
        self._welcome = welcome
        self._said: set[type[message.Message]] = set()
        self._deadline: IDelayedCall | None = None
        self.ticket_session = ""  # the claim ``sid`` of the ticket it came by

    def stay_until(self, until_s: float) -> None:
        """Cut the connection at that time, and not before."""
        self._stop_waiting()
        left_s = max(0.0, until_s + OVERSTAY_S - self._clock.seconds())
        self._deadline = self._clock.callLater(left_s, self._outstayed)

    @override
    def onOpen(self, transport: Any) -> None:
        super().onOpen(transport)
        self._expect_join()

    @override
    def onMessage(self, msg: message.Message) -> None:
        if flaw := self._flaw(msg):
            log.warn(
                "cut {peer} ({authid}): {flaw}",
                peer=self._transport.peer,
                authid=self._authid,
                flaw=flaw,
            )
            cut(self)
            return
        super().onMessage(msg)

    @override
    def onJoin(self, details: Any) -> None:
        self._stop_waiting()
        super().onJoin(details)
        by_ticket = ticket_of(details.authextra)
        self.ticket_session = by_ticket.session
        if not self._welcome(
            details.realm, details.authrole, details.authid, by_ticket.session
        ):
            cut(self)
        elif by_ticket.until_s is not None:
            self.stay_until(by_ticket.until_s)

    @override
    def onLeave(self, details: Any) -> None:
        for testaments in self._testaments.values():
            for testament in testaments:
                testament.forward_for = None
        super().onLeave(details)
        if self._transport is not None:
            self._expect_join()  # a joined session that stays on after its GOODBYE

    @override
    def onClose(self, wasClean: bool) -> None:
        super().onClose(wasClean)
        self._stop_waiting()

    def _expect_join(self) -> None:
        self._stop_waiting()
        self._deadline = self._clock.callLater(self._patience_s, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _outstayed(self) -> None:
        log.info(
            "cut {authid} in {realm}: its ticket has expired",
            authid=self._authid,
            realm=self._realm,
        )
        cut(self)

    def _lose_patience(self) -> None:
        log.info("cut {peer}: it did not join", peer=self._transport.peer)
        cut(self)

    def _flaw(self, msg: message.Message) -> str | None:
        """What is wrong with a message that no honest client sends."""
        if isinstance(msg, message.Hello | message.Authenticate):
            if type(msg) in self._said:
                return f"a second {type(msg).__name__} on one connection"
            self._said.add(type(msg))
        if getattr(msg, "forward_for", None):
            return "it claims to speak for another session"
        if isinstance(msg, message.Error) and not self._is_callee(msg):
            return "it answers a call made to somebody else"
        if isinstance(msg, _WITH_PAYLOAD) and (flaw := flaw_of(msg.args, msg.kwargs)):
            return f"its payload holds {flaw}"
        return None

    def _is_callee(self, error: message.Error) -> bool:
        if (
            error.request_type != message.Invocation.MESSAGE_TYPE
            or self._router is None
        ):
            return True
        invocation = self._router._dealer._invocations.get(error.request)
        return invocation is None or invocation.callee is self


class GuardedConnection:
    """What both kinds of connection share: a watch over what their peer takes."""

    allowance: Allowance
    clock: IReactorTime
    dropped: Dropped
    transport: Any
    _session: Any
    _watch: Watch

    def _begin_watch(self) -> None:
        self._watch = Watch(self, self.clock, self.allowance.within_s)

    def waiting(self) -> int:
        """How many bytes its peer has not taken."""
        return waiting_in(self.transport)

    def most(self) -> int:
        """How many may wait."""
        role = self._session._authrole if self._session is not None else None
        is_service = role in (Role.BACKEND, Role.FLEETDATA)
        allowed = self.allowance
        return allowed.services_bytes if is_service else allowed.people_bytes

    def drop(self, why: str) -> None:
        """Cut it, telling who it was and why."""
        if self._session is not None:
            type(self).dropped(self._session, why)
        _cut(self)


class GuardedWebSocket(GuardedConnection, WampWebSocketServerProtocol):  # type: ignore[misc]
    """A WebSocket connection whose peer has to take what is sent to it."""

    @override
    def connectionMade(self) -> None:
        super().connectionMade()
        self._begin_watch()

    @override
    def sendData(
        self, data: bytes, sync: bool = False, chopsize: int | None = None
    ) -> None:
        if not self._watch.is_over:
            super().sendData(data, sync, chopsize)
            self._watch.gave(len(data))

    @override
    def onAutoPingTimeout(self) -> None:
        """Autobahn's own way, but its line in the log names who it was."""
        who = self._session._authid if self._session is not None else None
        self.wasClean, self.autoPingTimeoutCall = False, None
        self.wasNotCleanReason = (
            f"{who or 'who had not joined'} did not answer a ping, and has not taken "
            f"{self.waiting():,} bytes"
        )
        self.dropConnection(abort=True)

    @override
    def connectionLost(self, reason: Any) -> None:
        self._watch.stop()
        super().connectionLost(reason)


class GuardedRawSocket(GuardedConnection, WampRawSocketServerProtocol):  # type: ignore[misc]
    """A RawSocket connection that may neither stay silent nor let its events wait."""

    patience_s = JOIN_WITHIN_S
    _deadline: IDelayedCall

    @override
    def connectionMade(self) -> None:
        super().connectionMade()
        self._begin_watch()
        self._deadline = self.clock.callLater(self.patience_s, self.abort)

    @override
    def _on_handshake_complete(self) -> Any:
        self._stop_waiting()
        return super()._on_handshake_complete()

    @override
    def sendString(self, string: bytes) -> None:
        if not self._watch.is_over:
            super().sendString(string)
            self._watch.gave(len(string))

    @override
    def connectionLost(self, reason: Any) -> None:
        self._stop_waiting()
        self._watch.stop()
        super().connectionLost(reason)

    def _stop_waiting(self) -> None:
        if self._deadline.active():
            self._deadline.cancel()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the router waits for whom, and how much it keeps for them."""

    join_s: float = JOIN_WITHIN_S
    allowance: Allowance = field(default_factory=Allowance)


def guard(
    controller: Any,
    clock: IReactorTime,
    patience: Patience,
    welcome: Welcome,
    dropped: Dropped,
) -> None:
    """Guard every connection that the router worker accepts from now on."""

    def session(router_factory: Any) -> GuardedSession:
        return GuardedSession(router_factory, clock, patience.join_s, welcome)

    settings = {
        "clock": clock,
        "allowance": patience.allowance,
        "dropped": staticmethod(dropped),
        "patience_s": patience.join_s,
    }
    controller.router_session_factory.session = session
    WampRawSocketServerFactory.protocol = type(
        "RawSocket", (GuardedRawSocket,), settings
    )
    WampWebSocketServerFactory.protocol = type(
        "WebSocket", (GuardedWebSocket,), settings
    )
