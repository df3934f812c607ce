"""Two protocols in one process, connected without a socket."""

from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from edge_agent.runtime.inproc import join


class Side(Protocol):
    """Notes what it hears, and answers the first word."""

    def __init__(self, answer: bytes = b"") -> None:
        self.heard: list[bytes] = []
        self.lost = 0
        self._answer = answer

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.heard.append(data)
        answer, self._answer = self._answer, b""
        if answer:
            self.wire.write(answer)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        self.lost += 1

    @property
    def wire(self):  # type: ignore[no-untyped-def]
        return self.transport


def test_what_one_says_the_other_hears_in_a_later_turn_and_in_order() -> None:
    clock, one, other = Clock(), Side(), Side(answer=b"yes")
    join(clock, one, other)
    one.wire.write(b"1")
    assert one.wire.getHandle().send(b"22") == 2
    assert other.heard == []
    clock.advance(0)
    assert other.heard == [b"1", b"22"]
    clock.advance(0)
    assert one.heard == [b"yes"]


def test_who_does_not_want_to_hear_hears_it_later() -> None:
    clock, one, other = Clock(), Side(), Side()
    join(clock, one, other)
    other.wire.pauseProducing()
    one.wire.writeSequence([b"a", b"b"])
    clock.advance(1)
    assert other.heard == []
    other.wire.resumeProducing()
    clock.advance(0)
    assert other.heard == [b"ab"]


def test_when_one_hangs_up_both_are_told_once_and_hear_no_more() -> None:
    clock, one, other = Clock(), Side(), Side()
    join(clock, one, other)
    one.wire.write(b"last")
    other.wire.abortConnection()
    one.wire.abortConnection()
    assert (one.lost, other.lost) == (0, 0)
    clock.advance(0)
    one.wire.write(b"more")
    clock.advance(1)
    assert (one.lost, other.lost, other.heard) == (1, 1, [])
