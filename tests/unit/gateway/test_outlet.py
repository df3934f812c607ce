"""A reader of events gets what it can take, and no more is kept for it."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from services.gateway.events import Places
from services.gateway.outlet import HEARTBEAT_S, PATIENCE_S, Outlet
from services.gateway.problems import TooBusy, TooManyRequests


class Channel:
    aborted = 0

    def forceAbortClient(self) -> None:  # noqa: N802
        self.aborted += 1


class Reader:
    """The request of somebody who reads."""

    def __init__(self) -> None:
        self.written = b""
        self.channel = Channel()
        self.headers: dict[str, str] = {}
        self.gone: Deferred[None] = Deferred()
        self._disconnected = False

    def notifyFinish(self) -> Deferred[None]:  # noqa: N802
        return self.gone

    def setHeader(self, name: str, value: str) -> None:  # noqa: N802
        self.headers[name] = value

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: N802
        assert streaming

    def write(self, data: bytes) -> None:
        self.written += data


def begun() -> tuple[Clock, Reader, Outlet]:
    clock, reader = Clock(), Reader()
    out = Outlet(reader, clock)
    out.begin()
    reader.written = b""
    return clock, reader, out


def waiting(out: Outlet) -> list[bool]:
    heard: list[bool] = []
    Deferred.fromCoroutine(out.news()).addCallback(heard.append)
    return heard


def test_an_event_is_one_block() -> None:
    _, reader, out = begun()
    out.send("history", {"n": 1}, "7")
    out.send("end", {})

    assert reader.written == (
        b'id: 7\nevent: history\ndata: {"n":1}\n\nevent: end\ndata: {}\n\n'
    )
    assert reader.headers["content-type"] == "text/event-stream"


def test_silence_is_filled_with_comments() -> None:
    clock, reader, out = begun()
    heard = waiting(out)
    clock.advance(HEARTBEAT_S)

    assert (heard, reader.written) == ([False], b": still here\n\n")


def test_nothing_is_written_to_who_takes_nothing_and_then_it_is_cut_off() -> None:
    clock, reader, out = begun()
    out.pauseProducing()
    out.bell.ring()
    heard = waiting(out)
    for _ in range(int(PATIENCE_S / HEARTBEAT_S)):
        assert not heard
        clock.advance(HEARTBEAT_S)

    assert (heard, reader.channel.aborted, out.is_over) == ([True], 1, True)
    out.send("late", {})
    assert reader.written == b""


def test_who_takes_again_goes_on() -> None:
    _, reader, out = begun()
    out.pauseProducing()
    out.bell.ring()
    heard = waiting(out)
    out.resumeProducing()

    assert (heard, reader.channel.aborted) == ([True], 0)


def test_who_hangs_up_ends_the_stream() -> None:
    _, reader, out = begun()
    heard = waiting(out)
    reader.gone.callback(None)

    assert (out.is_over, heard) == (True, [True])


def test_streams_are_counted_in_all_and_by_whom() -> None:
    places = Places(most=3, each=2)
    with places.taken("a"), places.taken("a"):
        refused: list[type] = []
        try:
            with places.taken("a"):
                pass
        except TooManyRequests as error:
            refused.append(type(error))
        with places.taken("b"):
            try:
                with places.taken("c"):
                    pass
            except TooBusy as error:
                refused.append(type(error))
        assert (places.count, refused) == (2, [TooManyRequests, TooBusy])
    assert places.count == 0
