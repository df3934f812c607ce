"""Frames leave together, in order, and wait while the agent reads slowly."""

from edge_agent.engine.outlet import FULL_BYTES, Outlet


class Wire:
    """A transport over a socket that takes ``room`` bytes at once."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken, self.left, self.sends = b"", b"", 0
        self.producer = None

    def registerProducer(self, producer, streaming):  # noqa: N802
        self.producer = producer
        assert not streaming
        producer.resumeProducing()

    def getHandle(self):  # noqa: N802
        return self

    def send(self, batch: bytes) -> int:
        self.sends += 1
        if not self.room:
            raise BlockingIOError
        sent = batch[: self.room]
        self.room -= len(sent)
        self.taken += sent
        return len(sent)

    def write(self, rest: bytes) -> None:
        assert not self.left  # it is given nothing before it has sent that
        self.left = rest

    def catch_up(self) -> None:
        """All the transport has is read."""
        self.taken, self.left = self.taken + self.left, b""
        self.producer.resumeProducing()


def framed(*frames: bytes) -> bytes:
    return b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)


def opened(room: int) -> tuple[Outlet, Wire, list[str]]:
    told: list[str] = []
    outlet, wire = Outlet(lambda: told.append("go on")), Wire(room)
    outlet.open(wire)
    return outlet, wire, told


def test_what_a_turn_tells_leaves_in_one_write() -> None:
    outlet, wire, _ = opened(1000)
    outlet.add(b"one")
    outlet.add(b"two")
    assert wire.taken == b""
    outlet.flush()
    outlet.flush()
    assert (wire.taken, wire.sends, wire.left) == (framed(b"one", b"two"), 1, b"")


def test_what_the_socket_does_not_take_follows_in_order() -> None:
    outlet, wire, told = opened(5)
    for frame in (b"one", b"two", b"three"):
        outlet.add(frame)
        outlet.flush()
    assert len(wire.taken) == 5
    wire.catch_up()
    wire.catch_up()
    assert wire.taken == framed(b"one", b"two", b"three")
    assert told == []  # it was never full


def test_a_slow_reader_fills_it_and_one_that_has_read_lets_it_go_on() -> None:
    outlet, wire, told = opened(0)
    outlet.add(b"x")
    outlet.flush()
    assert not outlet.is_full
    outlet.add(b"y" * FULL_BYTES)
    assert outlet.is_full
    wire.room = 1_000_000
    wire.catch_up()
    assert (outlet.is_full, told) == (False, ["go on"])
    assert wire.taken == framed(b"x", b"y" * FULL_BYTES)


def test_nothing_is_sent_once_it_is_closed() -> None:
    outlet, wire, _ = opened(1000)
    outlet.add(b"one")
    outlet.close()
    outlet.add(b"two")
    outlet.flush()
    assert wire.taken == b""
