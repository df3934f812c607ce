"""When a connection is cut for not taking what it is sent, and when it may stay."""

from twisted.internet.task import Clock

from services.gatekeeper.pressure import TURN_BYTES, Watch

MOST, WITHIN_S = 1_000_000, 30.0


class Peer:
    """A connection that takes what a test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.buffered = 0
        self.cut: list[str] = []
        self.watch = Watch(self, self.clock, WITHIN_S)

    def waiting(self) -> int:
        return self.buffered

    def most(self) -> int:
        return MOST

    def drop(self, why: str) -> None:
        self.cut.append(why)

    def given(self, size: int) -> "Peer":
        self.buffered += size
        self.watch.gave(size)
        return self

    def takes(self, size: int) -> "Peer":
        self.buffered -= size
        return self


def test_who_keeps_up_is_not_watched() -> None:
    peer = Peer()
    for _ in range(100):
        peer.given(TURN_BYTES).takes(TURN_BYTES)
    assert (peer.cut, peer.clock.getDelayedCalls()) == ([], [])


def test_more_than_fits_ends_it_once() -> None:
    peer = Peer().given(MOST).given(1).given(1)
    (why,) = peer.cut
    assert "1,000,001 bytes" in why
    assert peer.clock.getDelayedCalls() == []


def test_a_byte_that_waits_too_long_ends_it() -> None:
    peer = Peer().given(TURN_BYTES + 1)
    peer.clock.advance(WITHIN_S - 1)
    assert peer.cut == []
    peer.clock.advance(1)
    assert peer.cut == [
        "it has not taken for 30 s what was sent to it (65,537 bytes)",
    ]


def test_who_is_behind_but_takes_all_in_time_stays() -> None:
    """A buffer that is never empty, of a peer that takes as much as it is given."""
    peer = Peer().given(10 * TURN_BYTES)
    for _ in range(10):
        peer.clock.advance(WITHIN_S / 3)
        peer.takes(5 * TURN_BYTES).given(5 * TURN_BYTES)
    assert peer.cut == []


def test_who_takes_but_falls_ever_further_behind_is_cut() -> None:
    peer = Peer().given(10 * TURN_BYTES)
    for _ in range(8):
        peer.clock.advance(WITHIN_S / 4)
        peer.takes(TURN_BYTES // 2)
    assert len(peer.cut) == 1


def test_one_that_caught_up_is_watched_anew_from_its_next_backlog() -> None:
    peer = Peer().given(2 * TURN_BYTES)
    peer.clock.advance(WITHIN_S / 2)
    peer.takes(2 * TURN_BYTES)
    peer.clock.advance(WITHIN_S / 2)
    assert peer.clock.getDelayedCalls() == []
    peer.given(2 * TURN_BYTES)
    peer.clock.advance(WITHIN_S - 1)
    assert peer.cut == []
    peer.clock.advance(1)
    assert len(peer.cut) == 1


def test_a_connection_that_is_gone_is_not_looked_at() -> None:
    peer = Peer().given(2 * TURN_BYTES)
    peer.watch.stop()
    peer.given(2 * MOST)
    assert (peer.cut, peer.clock.getDelayedCalls()) == ([], [])
