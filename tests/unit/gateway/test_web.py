"""How long a request may take, and who makes room for whom."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override

from heddle.web import Bounded, BoundedSite

WITHIN_S = 30.0
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


class Answers(Resource):
    """Answers at once, or only when it is told to."""

    isLeaf = True  # noqa: N815 -- Twisted's name

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.is_slow = False
        self.asked: list[Any] = []

    @override
    def render(self, request: Any) -> Any:
        self.asked.append(request)
        return NOT_DONE_YET if self.is_slow else b"here you are"


class Here:
    """A site with place for so many."""

    def __init__(self, most: int = 2) -> None:
        self.clock = Clock()
        self.answers = Answers()
        site = BoundedSite(self.answers, timeout=WITHIN_S, reactor=self.clock)  # type: ignore[no-untyped-call]
        self.factory: Any = Bounded(site, most)

    def connect(self) -> "Caller | None":
        protocol = self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        return None if protocol is None else Caller(self.clock, protocol)

    def connected(self) -> "Caller":
        caller = self.connect()
        assert caller is not None
        return caller


class Caller:
    """Somebody connected."""

    def __init__(self, clock: Clock, protocol: Any) -> None:
        self._clock = clock
        self._protocol = protocol
        self.transport = StringTransport()
        protocol.makeConnection(self.transport)

    def say(self, data: bytes) -> "Caller":
        self._protocol.dataReceived(data)
        return self

    @property
    def heard(self) -> bytes:
        return self.transport.value()

    @property
    def is_gone(self) -> bool:
        return self.transport.disconnecting or self.transport.disconnected


def test_a_byte_now_and_then_does_not_prolong_a_request() -> None:
    here = Here()
    slow = here.connected()
    for byte in GET[:10]:
        slow.say(bytes([byte]))
        here.clock.advance(WITHIN_S / 10)
    here.clock.advance(1)
    assert slow.is_gone
    assert here.answers.asked == []


def test_nor_do_the_bytes_of_a_body() -> None:
    here = Here()
    slow = here.connected()
    slow.say(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n")
    for _ in range(11):
        slow.say(b"x")
        here.clock.advance(WITHIN_S / 10)
    assert slow.is_gone
    assert here.answers.asked == []


def test_who_asks_in_time_stays_and_has_the_same_time_for_the_next() -> None:
    here = Here()
    caller = here.connected()
    for answered in range(1, 6):
        here.clock.advance(WITHIN_S - 2)
        caller.say(GET[:5])
        here.clock.advance(WITHIN_S - 1)
        caller.say(GET[5:])
        assert caller.heard.count(b"here you are") == answered
    assert not caller.is_gone
    here.clock.advance(WITHIN_S + 1)
    assert caller.is_gone


def test_requests_sent_at_once_are_all_answered() -> None:
    here = Here()
    caller = here.connected().say(GET * 5)
    assert caller.heard.count(b"here you are") == 5


def test_an_answer_may_take_its_time() -> None:
    here = Here()
    here.answers.is_slow = True
    caller = here.connected().say(GET)
    here.clock.advance(10 * WITHIN_S)
    assert not caller.is_gone


def test_who_has_waited_longest_without_asking_makes_room() -> None:
    here = Here(most=3)
    here.answers.is_slow = True
    asking = here.connected().say(GET)
    here.clock.advance(1)
    first, second = here.connected(), here.connected()
    third = here.connected()
    assert [one.is_gone for one in (asking, first, second, third)] == [
        False,
        True,
        False,
        False,
    ]
    assert len(here.factory.protocols) == 3


def test_who_is_being_answered_makes_no_room() -> None:
    here = Here(most=2)
    here.answers.is_slow = True
    for _ in range(2):
        here.connected().say(GET)
    assert here.connect() is None


def test_who_was_answered_waits_from_then_on() -> None:
    here = Here(most=2)
    early = here.connected()
    here.clock.advance(5)
    late = here.connected()
    here.clock.advance(5)
    early.say(GET)
    here.connected()
    assert (early.is_gone, late.is_gone) == (False, True)


def test_all_bodies_together_have_only_so_much_room() -> None:
    here = Here(most=200)
    here.answers.is_slow = True
    post = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 900000\r\n\r\n"
    callers = [here.connected().say(post + bytes(800_000)) for _ in range(79)]
    assert [one.is_gone for one in callers] == [False] * 79
    one_more, another = (here.connected().say(post) for _ in range(2))
    assert one_more.say(bytes(899_999)).is_gone
    callers[0].say(bytes(100_000))
    (request,) = here.answers.asked
    assert len(request.content.read()) == 900_000
    request.finish()
    assert not another.say(bytes(899_999)).is_gone
    another.say(b"x")
    assert not here.answers.asked[-1].is_too_large


def test_a_body_of_which_a_part_had_no_room_counts_as_too_large() -> None:
    here = Here()
    here.answers.is_slow = True
    here.factory.wrappedFactory.most_kept_bytes = 50
    post = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 60\r\n\r\n"
    caller = here.connected().say(post + bytes(40)).say(bytes(20))
    assert caller.is_gone
    (request,) = here.answers.asked
    assert request.is_too_large


def test_an_answer_that_nobody_takes_is_given_up() -> None:
    here = Here()
    caller = here.connected()
    lost: list[str] = []
    caller.transport.loseConnection = lambda: lost.append("asked to end")  # type: ignore[method-assign]
    caller.say(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert lost == ["asked to end"]
    here.clock.advance(WITHIN_S + 1)
    assert caller.transport.disconnected


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Content-Length: 3\r\nTransfer-Encoding: chunked", id="both"),
        pytest.param(b"Content-Length: 3\r\nContent-Length: 4", id="twice"),
        pytest.param(b"Content-Length: +3", id="signed"),
        pytest.param(b"Transfer-Encoding: gzip, chunked", id="compressed"),
        pytest.param(b"X: " + b"x" * 20_000, id="long"),
        pytest.param(b"\r\n".join(b"x%d: y" % n for n in range(600)), id="many"),
    ],
)
def test_a_head_that_two_could_read_in_two_ways_is_refused(head: bytes) -> None:
    here = Here()
    caller = here.connected().say(b"POST / HTTP/1.1\r\n" + head + b"\r\n\r\n")
    assert caller.heard.startswith((b"HTTP/1.1 400 ", b"")[len(head) > 16_384])
    assert caller.is_gone
    assert here.answers.asked == []


def test_only_one_kind_of_http_is_spoken() -> None:
    site: Any = BoundedSite(Answers())  # type: ignore[no-untyped-call]
    assert site.acceptableProtocols() == [b"http/1.1"]
