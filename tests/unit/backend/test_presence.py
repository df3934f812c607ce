"""Who is online: the devices' word, checked against the router's."""

from types import SimpleNamespace

from autobahn.wamp.exception import ApplicationError
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from heddle.wamp.session import Session
from services.backend.fleet.presence import CHECK_AFTER_S, NOTE_EVERY_S, Online
from services.backend.realm import serving


class Realm:
    """A router's realm, as far as presence needs one."""

    def __init__(self) -> None:
        self.sessions: dict[int, tuple[str, str]] = {}
        self.hear = None
        self.held: list[Deferred] = []
        self.hold = False

    def subscribe(self, handler, topic, options=None):
        assert topic == "heddle.device..presence"
        self.hear = handler
        return succeed(None)

    def call(self, procedure, *args, **_kwargs):
        if procedure == "wamp.session.list":
            answer = list(self.sessions)
            if not self.hold:
                return succeed(answer)
            later: Deferred = Deferred()
            self.held.append(later)
            return later.addCallback(lambda _: answer)
        authid, role = self.sessions.get(args[0], (None, None))
        if authid is None:
            raise ApplicationError("wamp.error.no_such_session")
        return succeed({"authid": authid, "authrole": role})

    def tell(self, device: str, online: bool) -> None:
        topic = f"heddle.device.{device}.presence"
        self.hear({"online": online}, details=SimpleNamespace(topic=topic))


class Notes:
    """In the database's place: notes who was seen."""

    def __init__(self) -> None:
        self.seen: list[frozenset[str]] = []

    async def __call__(self, _function, project: str, devices: frozenset[str]) -> None:
        assert project == "plant"
        self.seen.append(devices)


class Scene:
    def __init__(self, **sessions: str) -> None:
        self.clock, self.realm, self.notes = Clock(), Realm(), Notes()
        for number, (authid, role) in enumerate(sessions.items()):
            self.realm.sessions[number] = (authid, role)
        self.online = Online(self.clock, self.notes, "plant")
        self.settle()

    def settle(self) -> None:
        session = Session(self.realm, self.clock, "backend", "project_plant")
        settled = Deferred.fromCoroutine(self.online.settle(session, serving(session)))
        assert self.realm.hold or settled.called

    def found(self) -> str:
        return "".join(d for d in "abc" if self.online.has(d))


def test_joining_counts_the_agents_and_nobody_else() -> None:
    assert Scene(a="agent", b="viewer").found() == "a"


def test_devices_are_believed() -> None:
    scene = Scene(a="agent")
    scene.realm.tell("b", online=True)
    assert scene.found() == "ab"
    scene.realm.tell("a", online=False)
    assert scene.found() == "b"


def test_a_farewell_is_checked_against_the_router() -> None:
    scene = Scene(a="agent", b="agent")
    del scene.realm.sessions[1]
    scene.realm.tell("a", online=False)
    scene.realm.tell("b", online=False)
    assert scene.found() == ""
    scene.clock.advance(CHECK_AFTER_S)
    assert scene.found() == "a"


def test_what_is_told_during_a_count_is_newer_than_the_count() -> None:
    scene = Scene(a="agent", b="agent")
    scene.realm.hold = True
    scene.realm.tell("c", online=False)
    scene.clock.advance(CHECK_AFTER_S)
    scene.realm.tell("a", online=False)
    scene.realm.tell("c", online=True)
    del scene.realm.sessions[0]  # left while it was counted
    (counting,) = scene.realm.held
    counting.callback(None)
    assert scene.found() == "bc"


def test_a_second_check_waits_for_the_first() -> None:
    scene = Scene(a="agent")
    scene.realm.hold = True
    scene.realm.tell("b", online=False)
    scene.clock.advance(CHECK_AFTER_S)
    scene.realm.tell("b", online=False)
    scene.clock.advance(CHECK_AFTER_S)
    assert len(scene.realm.held) == 1
    scene.realm.held[0].callback(None)
    scene.clock.advance(CHECK_AFTER_S)
    assert len(scene.realm.held) == 2


def test_without_a_session_nobody_is_online() -> None:
    scene = Scene(a="agent")
    scene.online.left()
    assert scene.found() == ""
    scene.clock.advance(NOTE_EVERY_S)
    assert scene.notes.seen == [{"a"}]
    scene.settle()
    assert scene.found() == "a"


def test_who_is_online_is_noted_now_and_then() -> None:
    scene = Scene(a="agent")
    assert scene.notes.seen == [{"a"}]
    scene.clock.advance(NOTE_EVERY_S)
    assert scene.notes.seen == [{"a"}, {"a"}]
    scene.realm.tell("a", online=False)
    assert scene.notes.seen[2:] == [{"a"}]
    scene.realm.sessions.clear()
    scene.clock.advance(NOTE_EVERY_S)
    assert scene.notes.seen[3:] == []
