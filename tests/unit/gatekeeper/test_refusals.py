"""What the gatekeeper tells of refusals, and that it never waits for anybody."""

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from heddle.contract.audit import ProjectRefusal, RefusalNoted
from heddle.contract.declare import NotPermitted, Role
from heddle.contract.gate import DeviceKey, KeyUnknown, TicketInvalid
from heddle.wamp.session import NotServed
from services.gatekeeper.refusals import Refusals


class Backend:
    """Hears of refusals, or is away."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.flaw: Exception | None = None
        self.hangs = False

    async def call(self, _uri: Any, said: ProjectRefusal, **_: Any) -> RefusalNoted:
        if self.hangs:
            await Deferred()
        if self.flaw is not None:
            raise self.flaw
        one = said.refusal
        self.told.append(
            (said.project, one.actor, one.role, one.action, one.subject, one.times)
        )
        return RefusalNoted()


def started() -> tuple[Clock, Backend, Refusals]:
    clock, backend = Clock(), Backend()
    return clock, backend, Refusals(backend, clock)  # type: ignore[arg-type]


def test_a_refused_action_is_told_with_its_project() -> None:
    clock, backend, refusals = started()
    for _ in range(3):
        refusals.action("project_plant", Role.VIEWER, "vera", "call", "heddle.x\n")
    refusals.action("system", Role.PERSON, "vera", "publish", "y" * 999)
    refusals.action("system", Role.BACKEND, "backend", "call", "heddle.z")
    clock.advance(1)
    assert backend.told == [
        ("plant", "vera", "viewer", "router.call", "heddle.x?", 3),
        (None, "vera", "person", "router.publish", "y" * 200, 1),
    ]


def test_who_is_cut_for_not_reading_is_told_but_no_service() -> None:
    clock, backend, refusals = started()

    def session(authid: str | None, role: str | None) -> Any:
        return SimpleNamespace(
            _realm="project_plant",
            _authid=authid,
            _authrole=role,
            _transport=SimpleNamespace(peer="tcp4:127.0.0.1:1234"),
        )

    for who in (("vera", "viewer"), ("fleetdata", "fleetdata"), (None, None)):
        refusals.dropped(session(*who), "it has not taken 9 bytes")
    clock.advance(1)
    assert backend.told == [("plant", "vera", "viewer", "router.slow", "", 1)]


def test_who_is_not_let_in_is_told_by_the_name_claimed_if_it_is_one() -> None:
    clock, backend, refusals = started()
    why = TicketInvalid("the ticket has expired")
    refusals.joining("project_plant", "vera", "router.join", why)
    refusals.joining("system", "Not a name\x00", "router.login", why)
    refusals.joining(None, "ab" * 32, "router.join", KeyUnknown("who?"))
    refusals.joining("realm1", None, "router.join", why)
    press = DeviceKey(project="plant", device="press_7", public_key="ab" * 32)
    refusals.joining("project_other", None, "router.join", why, press)
    clock.advance(1)
    assert backend.told == [
        ("plant", "vera", "", "router.join", "project_plant", 1),
        (None, "", "", "router.login", "system", 1),
        (None, "ab" * 32, "", "router.join", "", 1),
        (None, "", "", "router.join", "realm1", 1),
        ("plant", "press_7", "agent", "router.join", "project_other", 1),
    ]


def test_without_a_backend_refusals_wait_until_there_is_one() -> None:
    clock, backend, refusals = started()
    backend.flaw = NotServed("nobody")
    for n in range(100):
        refusals.action("project_plant", Role.VIEWER, f"user_{n}", "call", "heddle.x")
    clock.pump([1.0] * 100)
    assert not backend.told
    backend.flaw = None
    clock.pump([1.0] * 600)
    assert sorted(one[1] for one in backend.told) == sorted(
        f"user_{n}" for n in range(100)
    )
    clock.pump([60.0] * 200)
    assert not clock.getDelayedCalls()  # nothing to remember, nothing to do


def test_a_report_that_cannot_be_taken_is_not_repeated() -> None:
    clock, backend, refusals = started()
    backend.flaw = NotPermitted("no")
    refusals.action("project_plant", Role.VIEWER, "vera", "call", "heddle.x")
    clock.advance(1)
    backend.flaw = None
    clock.pump([1.0] * 200)
    assert not backend.told


def test_a_backend_that_hangs_holds_nobody_up() -> None:
    clock, backend, refusals = started()
    backend.hangs = True
    for n in range(5000):
        refusals.action("project_plant", Role.VIEWER, f"user_{n}", "call", "heddle.x")
        clock.advance(0.01)
    assert not backend.told
