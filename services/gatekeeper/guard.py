"""Closes what Crossbar leaves open in a connection before and beside authorisation.

A connection that has not joined in time is cut, one that says HELLO twice too. Nobody
may claim to speak for another session (``forward_for`` is for links between routers,
which we do not run), answer a call that was made to somebody else, or send a payload
that others cannot read. A session whose key was revoked between challenge and answer is
cut as it joins; one that came by a ticket when that expires without being renewed.
Who does not take what is sent to them is cut before it fills the router's memory; so is
who sends frames without end that make no message. Until somebody of the fleet has
joined, their messages have to be small: each costs time before it says who they are.
Cutting means closing the socket: a GOODBYE is a request, and may be ignored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from autobahn.wamp import message
from crossbar.router.protocol import (
    WampRawSocketServerFactory,
    WampWebSocketServerFactory,
)
from crossbar.router.session import RouterSession
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.declare import Role
from services.gatekeeper.connections import (
    JOIN_WITHIN_S,
    GuardedRawSocket,
    GuardedWebSocket,
    hang_up,
)
from services.gatekeeper.hoards import hoards
from services.gatekeeper.payloads import flaw_of
from services.gatekeeper.pressure import Allowance, Dropped
from services.gatekeeper.throttle import Arrivals

log = Logger()

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
    hang_up(session._transport)


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
    def onAuthenticate(self, signature: str, extra: Any) -> Any:
        """Crossbar's own writes it into the log, and it may be a password."""
        if self._pending_auth is None:
            return super().onAuthenticate("", extra)
        return self._pending_auth.authenticate(signature)

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
            return
        if details.authrole != Role.ENROLLING:
            self._transport.let_in()
        if by_ticket.until_s is not None:
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
        return hoards(self, msg)

    def _is_callee(self, error: message.Error) -> bool:
        if (
            error.request_type != message.Invocation.MESSAGE_TYPE
            or self._router is None
        ):
            return True
        invocation = self._router._dealer._invocations.get(error.request)
        return invocation is None or invocation.callee is self


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the router waits for whom, and how much it keeps for them."""

    join_s: float = JOIN_WITHIN_S
    allowance: Allowance = field(default_factory=Allowance)


def guard(
    controller: Any,
    clock: IReactorTime,
    patience: Patience,
    arrivals: Arrivals,
    welcome: Welcome,
    dropped: Dropped,
) -> None:
    """Guard every connection that the router worker accepts from now on."""

    def session(router_factory: Any) -> GuardedSession:
        return GuardedSession(router_factory, clock, patience.join_s, welcome)

    settings = {
        "clock": clock,
        "allowance": patience.allowance,
        "arrivals": arrivals,
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
