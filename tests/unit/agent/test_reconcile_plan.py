"""The plan: every situation leads to what is wanted, by way of nothing forbidden."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.reconcile.plan import (
    Create,
    Fetch,
    HandOver,
    Prune,
    Remove,
    Situation,
    Start,
    Step,
    Stop,
    Want,
    image_key,
    next_due_s,
    plan,
)
from edge_agent.runtime.runtime import AWAKE, Condition, Found

CREATED, RUNNING = Condition.CREATED, Condition.RUNNING
RESTARTING, EXITED = Condition.RESTARTING, Condition.EXITED
BREW = Want("brew", "new", "image")


def there(condition: Condition, mark: str = "new", flow: str = "brew") -> Found:
    return Found(flow, mark, condition)


def planned(*found: Found, want: Want | None = BREW, **changes) -> tuple[Step, ...]:
    """The steps of one wanted flow whose image is here, unless told otherwise."""
    situation = {"images": frozenset({"image"}), "now_s": 100.0, **changes}
    return plan(Situation((want,) if want else (), found, **situation))


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        ((), (Create("brew", "new"), Start("brew", "new"))),
        ((there(CREATED),), (Start("brew", "new"),)),
        ((there(EXITED),), (Start("brew", "new"),)),
        ((there(RUNNING),), ()),
        ((there(RESTARTING),), ()),
        (
            (there(RUNNING, "old"),),
            (
                Create("brew", "new"),
                HandOver("brew", "old", "new"),
                Remove("brew", "old"),
            ),
        ),
        (
            (there(RESTARTING, "old"), there(CREATED)),
            (HandOver("brew", "old", "new"), Remove("brew", "old")),
        ),
        (
            (there(EXITED, "old"), there(CREATED)),
            (Start("brew", "new"), Remove("brew", "old")),
        ),
        ((there(EXITED, "old"), there(RUNNING)), (Remove("brew", "old"),)),
        (
            (there(RUNNING, "old"), there(RUNNING, "older"), there(EXITED)),
            (
                Stop("brew", "older"),
                HandOver("brew", "old", "new"),
                Remove("brew", "old"),
                Remove("brew", "older"),
            ),
        ),
    ],
)
def test_a_flow_comes_to_run_as_it_should(found, steps) -> None:
    assert planned(*found) == steps


@pytest.mark.parametrize("condition", list(Condition))
def test_what_is_not_wanted_ends_and_goes(condition) -> None:
    ending = (Stop("brew", "new"),) if condition in AWAKE else ()
    assert planned(there(condition), want=None) == (*ending, Remove("brew", "new"))


def test_a_flow_at_rest_keeps_its_engine_but_not_a_former_one() -> None:
    rest = replace(BREW, running=False)
    assert planned(want=rest) == ()
    assert planned(there(EXITED), want=rest) == ()
    assert planned(there(RUNNING), want=rest) == (Stop("brew", "new"),)
    assert planned(there(RUNNING, "old"), want=rest) == (
        Stop("brew", "old"),
        Remove("brew", "old"),
    )


def test_a_former_engine_that_may_be_needed_again_ends_and_stays() -> None:
    kept = replace(BREW, kept="old")
    assert planned(there(RUNNING, "old"), there(EXITED, "older"), want=kept) == (
        Create("brew", "new"),
        HandOver("brew", "old", "new"),
        Remove("brew", "older"),
    )
    assert planned(there(EXITED, "old"), there(RUNNING), want=kept) == ()
    assert planned(there(RUNNING, "old"), there(RUNNING), want=kept) == (
        Stop("brew", "old"),
    )
    back = Want("brew", "old", "image")
    assert planned(there(EXITED, "old"), there(RUNNING), want=back) == (
        HandOver("brew", "new", "old"),
        Remove("brew", "new"),
    )


def test_an_image_is_brought_before_an_engine_needs_it() -> None:
    later = {"ahead": frozenset({"image", "next"})}
    assert planned(there(RUNNING), **later) == (Fetch("next"),)
    assert planned(there(RUNNING), **later, is_tight=True) == ()
    assert planned(there(RUNNING), **later, due_s={"image next": 200.0}) == ()


def test_nobody_touches_what_nobody_can_read() -> None:
    unreadable = frozenset({"brew"})
    for want in (BREW, None):
        assert planned(there(RUNNING, "x"), want=want, unreadable=unreadable) == ()


def test_a_missing_image_is_fetched_once_and_holds_up_nothing_that_runs() -> None:
    wash = Want("wash", "new", "image")
    situation = Situation((BREW, wash))
    assert plan(situation) == (
        Fetch("image"),
        Create("brew", "new"),
        Start("brew", "new"),
        Create("wash", "new"),
        Start("wash", "new"),
    )
    off = {"images": frozenset(), "due_s": {"image image": 200.0}}
    assert planned(there(RUNNING, "old"), **off) == ()
    assert planned(there(EXITED), **off) == (Start("brew", "new"),)


def test_a_tight_disk_fetches_nothing_but_prunes_starts_stops_and_removes() -> None:
    tight = {"is_tight": True, "images": frozenset(), "may_prune": True}
    assert planned(**tight) == (Prune(),)
    assert planned(**{**tight, "may_prune": False}) == ()
    assert planned(there(EXITED), **tight) == (Prune(), Start("brew", "new"))
    assert planned(there(RUNNING), want=None, **tight) == (
        Stop("brew", "new"),
        Remove("brew", "new"),
        Prune(),
    )


def test_what_failed_waits_until_it_is_due() -> None:
    later = {"due_s": {"brew": 100.5}}
    for found in ((), (there(EXITED),), (there(RUNNING, "old"), there(CREATED))):
        assert planned(*found, **later) == ()
        assert planned(*found, now_s=101.0, due_s={"brew": 100.5}) != ()
    assert planned(there(RESTARTING), **later) == (Stop("brew", "new"),)
    assert planned(there(RUNNING), **later) == ()
    assert planned(there(RUNNING), want=None, **later) == ()


def test_what_hangs_is_ended_and_started_again() -> None:
    anew = (Stop("brew", "new"), Start("brew", "new"))
    assert planned(there(RUNNING), hung=frozenset({"brew"})) == anew
    later = {"due_s": {"brew": 100.5}}
    assert planned(there(RUNNING), hung=frozenset({"brew"}), **later) == ()


def test_the_next_attempt_is_the_first_that_is_put_off() -> None:
    assert next_due_s(Situation(now_s=5.0, due_s={"a": 4.0})) is None
    assert next_due_s(Situation(now_s=5.0, due_s={"a": 9.0, "b": 7.0})) == 7.0


# --- any situation, steps that fail, agents that are killed ---------------------------


@dataclass
class World:
    """A runtime that does what it is told, and an agent that may be killed."""

    wanted: tuple[Want, ...]
    found: dict[tuple[str, str], Condition]
    images: set[str]
    unreadable: frozenset[str]
    hung: set[str]
    ahead: frozenset[str] = frozenset()
    done: list[Step] = field(default_factory=list)

    def situation(self, due_s: dict[str, float]) -> Situation:
        return Situation(
            self.wanted,
            tuple(Found(f, m, c) for (f, m), c in self.found.items()),
            frozenset(self.images),
            self.ahead,
            due_s=due_s,
            hung=frozenset(self.hung),
            unreadable=self.unreadable,
        )

    def perform(self, step: Step) -> Iterator[None]:
        """Do a step in its parts; whoever asks for no more of them was killed."""
        self.done.append(step)
        match step:
            case Fetch(image):
                self.images.add(image)
            case Create(flow, mark):
                assert (flow, mark) not in self.found
                assert self._image(flow) in self.images
                self.found[flow, mark] = CREATED
            case Start(flow, mark):
                self._start(flow, mark)
            case HandOver(flow, former, mark):
                self.found[flow, former] = EXITED
                yield
                self._start(flow, mark)
            case Stop(flow, mark):
                self._may_end(flow, mark)
                self.found[flow, mark] = EXITED
                self.hung.discard(flow)
            case Remove(flow, mark):
                self._may_go(flow, mark)
                del self.found[flow, mark]
            case Prune():
                pass
        yield

    def _may_go(self, flow: str, mark: str) -> None:
        assert self.found.get((flow, mark)) not in AWAKE
        assert mark not in [w.kept for w in self.wanted if w.flow == flow]

    def _start(self, flow: str, mark: str) -> None:
        self.found[flow, mark] = RUNNING
        awake = [m for (f, m), c in self.found.items() if f == flow and c in AWAKE]
        assert awake == [mark], "two engines over one journal"

    def _may_end(self, flow: str, mark: str) -> None:
        running = self.found[flow, mark] is RUNNING and flow not in self.hung
        right = any(w.running and (w.flow, w.mark) == (flow, mark) for w in self.wanted)
        others = [
            m
            for (f, m), c in self.found.items()
            if f == flow and c in AWAKE and m != mark
        ]
        assert not (running and right) or others, "ended what is as it should be"
        assert flow not in self.unreadable

    def _image(self, flow: str) -> str:
        (image,) = [want.image for want in self.wanted if want.flow == flow]
        return image

    def is_as_wanted(self) -> bool:
        wanted = {w.flow: w for w in self.wanted if w.flow not in self.unreadable}
        for flow, mark in self.found:
            if flow in self.unreadable:
                continue
            if flow not in wanted or mark not in (
                wanted[flow].mark,
                wanted[flow].kept,
            ):
                return False
        if not self.ahead <= self.images:
            return False
        return all(
            (self.found.get((w.flow, w.mark)) in AWAKE) == w.running
            for w in wanted.values()
        )


FLOWS = ("a", "b", "c")
MARKS = ("new", "old", "older")


@st.composite
def worlds(draw) -> World:
    """Anything an agent may find, but for two engines over one journal."""
    wants = draw(st.sets(st.sampled_from(FLOWS)))
    found: dict[tuple[str, str], Condition] = {}
    for flow in FLOWS:
        marks = draw(st.lists(st.sampled_from(MARKS), unique=True))
        awake = draw(st.sampled_from((None, *marks)))
        for mark in marks:
            asleep = draw(st.sampled_from((CREATED, EXITED)))
            up = draw(st.sampled_from((RUNNING, RESTARTING)))
            found[flow, mark] = up if mark == awake else asleep
    return World(
        tuple(
            Want(
                flow,
                "new",
                draw(st.sampled_from("xy")),
                draw(st.booleans()),
                draw(st.sampled_from(("", "old"))),
            )
            for flow in sorted(wants)
        ),
        found,
        draw(st.sets(st.sampled_from("xy"))),
        frozenset(draw(st.sets(st.sampled_from(FLOWS), max_size=1))),
        {
            f
            for f in draw(st.sets(st.sampled_from(FLOWS)))
            if found.get((f, "new")) is RUNNING
        },
        frozenset(draw(st.sets(st.sampled_from("yz")))),
    )


def cut_off(world: World, data: st.DataObject, due_s: dict[str, float]) -> dict | None:
    """One round that fails somewhere, or ends with the agent; what is put off then,
    or nothing if there was nothing to do.
    """
    steps = plan(world.situation(due_s))
    if not steps:
        return None
    fails_at = data.draw(st.integers(0, len(steps)))
    perform_all(world, steps[:fails_at])
    if fails_at == len(steps):
        return {}
    step = steps[fails_at]
    if data.draw(st.booleans()):
        next(world.perform(step), None)  # killed in the middle of it
    key = image_key(step.image) if isinstance(step, Fetch) else step.flow
    return {key: 1.0} if data.draw(st.booleans()) else {}


def perform_all(world: World, steps: tuple[Step, ...]) -> None:
    for step in steps:
        for _part in world.perform(step):
            pass


@settings(max_examples=100, deadline=None)
@given(worlds(), st.data())
def test_any_situation_converges_whatever_fails_and_whenever_it_is_killed(
    world: World, data: st.DataObject
) -> None:
    due_s: dict[str, float] | None = {}
    for _ in range(40):
        if (due_s := cut_off(world, data, due_s)) is None:
            break
    for _ in range(10):  # from here on nothing fails
        perform_all(world, plan(world.situation({})))
    assert plan(world.situation({})) == ()
    assert world.is_as_wanted()
