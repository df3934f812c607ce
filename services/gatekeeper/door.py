"""Bounds who is connected to a port of the router, before anybody is known.

Of one address only so many connections may come to nothing (``throttle.Arrivals``). Of
strangers only so many may be there at a time: of those who have not joined the fleet,
which are also browsers that fetch the page and keys that may only enrol. When there are
too many, the one who has been a stranger longest makes room, but who has just come gets
time to join: a fleet that comes back at once would otherwise push itself out for ever.
Who has joined is never pushed out, and the ports share the files that may be open, so
that whoever fills the page's port leaves the services' port alone.
"""

import resource
from dataclasses import dataclass, field
from typing import Any

from crossbar.common.twisted import endpoint
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.declare import Role
from services.gatekeeper.throttle import Arrivals, Pace

log = Logger()

_SPARED_FILES = 128  # for logs, databases of others' libraries, and the router itself
_SHARES = {"web": 0.75, "rawsocket": 0.25}
_TELL_EVERY_S = 10.0
_NO_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many may come."""

    strangers: int = 4_000  # at a time, on one port; at most half of all connections
    grace_s: float = 5.0  # to join in, before a stranger may be pushed out
    pace: Pace = field(default_factory=Pace)


class Door(endpoint.MaxConnectionsFactory):  # type: ignore[misc]
    """Crossbar's outermost factory of a port, with our rules for who gets in."""

    crowd: Crowd
    arrivals: Arrivals
    clock: IReactorTime

    def __init__(
        self, wrapped: Any, max_connections: int, name: str, *rest: Any
    ) -> None:
        self._port = name
        self._most = min(max_connections, most_connections(name))
        self._most_strangers = max(1, min(self.crowd.strangers, self._most // 2))
        self._strangers: dict[Any, float] = {}  # since when, the oldest first
        self._turned_away = 0
        self._told_at_s: float | None = None
        super().__init__(wrapped, self._most, name, *rest)

    @override
    def buildProtocol(self, addr: Any) -> Any:
        """Twisted's word that somebody connects; None: hang up."""
        now_s = self.clock.seconds()
        host = str(getattr(addr, "host", ""))
        if not self.arrivals.comes(host, now_s):
            return self._turn_away(f"too many of {host} came to nothing", now_s)
        if not self._has_room() and not self._make_room(now_s):
            return self._turn_away(
                f"{len(self.protocols):,} are connected, {len(self._strangers):,} of "
                "them strangers",
                now_s,
            )
        return endpoint.WrappingFactory.buildProtocol(self, addr)

    @override
    def registerProtocol(self, p: Any) -> None:
        super().registerProtocol(p)
        self._strangers[p] = self.clock.seconds()

    @override
    def unregisterProtocol(self, p: Any) -> None:
        if p in self.protocols:  # it was pushed out, and is gone only now
            super().unregisterProtocol(p)
        self._strangers.pop(p, None)

    def _has_room(self) -> bool:
        is_crowded = len(self._strangers) >= self._most_strangers
        return not is_crowded and len(self.protocols) < self._most

    def _make_room(self, now_s: float) -> bool:
        """Find out who has joined meanwhile; push out the oldest of who has not."""
        for one, since_s in list(self._strangers.items()):
            if has_joined(one):
                del self._strangers[one]
                if self._has_room():
                    return True
            elif now_s - since_s >= self.crowd.grace_s:
                self.unregisterProtocol(one)
                one.transport.abortConnection()
                return True
            else:
                return False
        return False

    def _turn_away(self, why: str, now_s: float) -> None:
        self._turned_away += 1
        if self._told_at_s is None or now_s - self._told_at_s >= _TELL_EVERY_S:
            log.warn(
                "turned away {count} at the port {port}: {why}",
                count=self._turned_away,
                port=self._port,
                why=why,
            )
            self._turned_away, self._told_at_s = 0, now_s


def has_joined(connection: Any) -> bool:
    """Whether it belongs to somebody of the fleet; a key that may enrol does not."""
    while hasattr(connection, "wrappedProtocol"):  # TLS, and the door's own count
        connection = connection.wrappedProtocol
    role = getattr(getattr(connection, "_session", None), "_authrole", None)
    return role is not None and role != Role.ENROLLING


def most_connections(port: str) -> int:
    """How many connections the files that may be open allow a port."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _NO_LIMIT
    return max(16, int((files - _SPARED_FILES) * _SHARES.get(port, 1.0)))


def open_more_files() -> None:
    """Let this process open as many files as the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def mind_the_doors(crowd: Crowd, arrivals: Arrivals, clock: IReactorTime) -> None:
    """Every port that this router worker opens from now on has such a door."""
    settings = {"crowd": crowd, "arrivals": arrivals, "clock": clock}
    endpoint.MaxConnectionsFactory = type("DoorOfPort", (Door,), settings)
