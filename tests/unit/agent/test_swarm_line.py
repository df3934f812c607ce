"""The line of a swarm's member does to its link what it is told."""

from typing import Any

from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from edge_agent.swarm.line import BadLine, Line
from edge_agent.swarm.manners import line_of, misbehave
from edge_agent.swarm.parts import Manner, Part
from edge_agent.swarm.turnstile import LOOK_EVERY_S, PATIENCE_S, Turnstile
from heddle.wamp.spawn import spawn

TEXT, PING, PONG = b"\x82hello", b"\x89", b"\x8a"


class Aborting(StringTransport):
    """A transport that can be aborted."""

    aborted = False

    def abortConnection(self) -> None:  # noqa: N802
        self.aborted = True


class Net(Clock):
    """A reactor of which only connecting is real enough."""

    def __init__(self) -> None:
        super().__init__()
        self.transports: list[Aborting] = []

    def callFromThread(self, act: Any, *args: Any) -> None:  # noqa: N802
        act(*args)

    def connectTCP(self, host: str, port: int, factory: Any, *_: Any) -> Any:  # noqa: N802
        protocol = factory.buildProtocol(None)
        self.transports.append(Aborting())
        protocol.makeConnection(self.transports[-1])
        return protocol


class Peer(Protocol):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard = b""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.heard += data


class Peers(ClientFactory):
    """Makes one peer, or learns why there is none."""

    def __init__(self) -> None:
        self.peer = Peer()
        self.failed: list[type] = []

    def buildProtocol(self, addr: Any) -> Peer:  # noqa: N802
        return self.peer

    def startedConnecting(self, connector: Any) -> None:  # noqa: N802
        self.connector = connector

    def clientConnectionFailed(self, connector: Any, reason: Any) -> None:  # noqa: N802
        self.failed.append(reason.type)


def connected(line: Line) -> tuple[Any, Peer, Any]:
    """A wire of this line, and the protocol on our side of it."""
    factory = Peers()
    line.connectTCP("router", 8080, factory)
    wire = factory.peer.transport
    return wire, factory.peer, wire


def test_a_plain_line_passes_everything_on_at_once() -> None:
    net = Net()
    wire, peer, transport = connected(BadLine(net))
    transport.write(TEXT)
    transport.writeSequence([b"a", b"b"])
    wire.dataReceived(b"answer")
    assert (net.transports[0].value(), peer.heard) == (TEXT + b"ab", b"answer")


def test_a_hushed_line_lets_out_only_what_keeps_the_link_alive() -> None:
    net = Net()
    line = BadLine(net)
    wire, peer, transport = connected(line)
    line.hush()
    for frame in (TEXT, PONG + b"1", TEXT, PING + b"2"):
        transport.write(frame)
    wire.dataReceived(b"asked")
    assert (net.transports[0].value(), peer.heard) == (
        PONG + b"1" + PING + b"2",
        b"asked",
    )


def test_a_slow_line_holds_up_both_directions_and_keeps_the_order() -> None:
    net = Net()
    wire, peer, transport = connected(BadLine(net, latency_s=0.3))
    transport.write(b"1")
    net.advance(0.2)
    transport.write(b"2")
    wire.dataReceived(b"a")
    assert (net.transports[0].value(), peer.heard) == (b"", b"")
    net.advance(0.1)
    assert (net.transports[0].value(), peer.heard) == (b"1", b"")
    net.advance(0.2)
    assert (net.transports[0].value(), peer.heard) == (b"12", b"a")


def test_what_is_under_way_on_a_slow_line_is_gone_with_it() -> None:
    net = Net()
    wire, peer, transport = connected(BadLine(net, latency_s=0.3))
    transport.write(b"1")
    wire.dataReceived(b"a")
    wire.connectionLost()
    net.advance(1)
    assert (net.transports[0].value(), peer.heard) == (b"", b"")


def test_a_cut_line_breaks_and_takes_no_connection_until_it_is_mended() -> None:
    net = Net()
    line = BadLine(net)
    connected(line)
    line.cut()
    assert net.transports[0].aborted
    refused = Peers()
    line.connectTCP("router", 8080, refused)
    assert refused.failed == []  # as on a real one: not within the call
    net.advance(0)
    assert (refused.failed, len(net.transports)) == ([Refused], 1)
    line.mend()
    connected(line)
    assert (len(net.transports), net.transports[1].aborted) == (2, False)


def test_a_flapping_member_loses_its_link_and_gets_it_back_again_and_again() -> None:
    net = Net()
    part = Part("swarm_1_0001", 5, Manner.FLAPPING, 0.0)
    line = line_of(net, part, None, lambda: True)
    assert isinstance(line, BadLine)
    spawn(misbehave(net, part, line, lambda: True), "flapping")
    flaps = part.flaps()
    for _ in range(3):
        holds_s, away_s = next(flaps)
        assert not line.is_cut
        net.advance(holds_s)
        assert line.is_cut
        net.advance(away_s)
    assert not line.is_cut


def test_a_mute_member_says_what_it_has_to_until_it_is_online() -> None:
    net, online = Net(), []
    part = Part("swarm_1_0001", 5, Manner.MUTE, 0.0)
    line = line_of(net, part, None, lambda: True)
    assert isinstance(line, BadLine)
    spawn(misbehave(net, part, line, lambda: bool(online)), "falling silent")
    net.advance(60)
    assert not line.is_hushed
    online.append(True)
    net.advance(1)
    assert line.is_hushed
    steady = Part("swarm_1_0002", 5, Manner.STEADY, 0.0)
    assert type(line_of(net, steady, None, lambda: True)) is Line


def test_only_so_many_lines_reach_out_at_a_time() -> None:
    net, online = Net(), set()
    turnstile = Turnstile(net, 2)
    factories = [Peers() for _ in range(5)]
    for n, factory in enumerate(factories):
        line = Line(net, turnstile, lambda n=n: n in online)  # type: ignore[misc]
        line.connectTCP("router", 8080, factory)
    assert len(net.transports) == 2
    net.advance(1)
    assert len(net.transports) == 2
    factories[2].connector.stopConnecting()  # it waits no longer
    online.add(0)
    net.advance(LOOK_EVERY_S)
    assert [f.peer.transport is not None for f in factories] == [1, 1, 0, 1, 0]
    net.advance(PATIENCE_S)  # with those that do not get on
    assert [f.peer.transport is not None for f in factories] == [1, 1, 0, 1, 1]
