"""Every state the machine can reach: what always holds, and the manual's diagram."""

from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from heddle.alarms.inputs import (
    Acknowledge,
    Clock,
    Comment,
    Due,
    Input,
    Reset,
    ReturnToService,
    Sample,
    Shelve,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Unsuppress,
)
from heddle.alarms.machine import begin, next_due, step
from heddle.alarms.rule import Rule
from heddle.alarms.state import Alarm, State, Transition, state_of
from tests.support.alarms import MS, rule

PAGE = Path(__file__).parents[3] / "docs/explanation/alarms.md"
RULES = (
    rule(),
    rule(latching=True, re_alarm_ms=2),
    rule(on_delay_ms=2, off_delay_ms=1, deadband=1.0),
)
HIDDEN = (State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE)
SHOWN = tuple(x for x in State if x not in HIDDEN)
Edge = tuple[Rule, Alarm, Input, Alarm, tuple[Transition, ...]]


def alphabet(now: int) -> Iterator[Input]:
    yield from (Sample(now, x) for x in (1.0, 9.5, 11.0))
    yield Sample(now, 11.0, 2)
    yield from (x(now) for x in (Acknowledge, Reset, Unshelve, Suppress, Unsuppress))
    yield from (x(now) for x in (TakeOutOfService, ReturnToService, Comment))
    yield Shelve(now, until_us=now + 2 * MS)
    yield from (Due(now), Clock(now))


def forgetful(alarm: Alarm, now: int) -> Alarm:
    """The same a moment later: times count from now, and the past is forgotten."""

    def ahead(at_us: int | None) -> int | None:
        return None if at_us is None else at_us - now

    return replace(
        alarm,
        number=0,
        value=None,
        due_value=None,
        raised_at_us=None,
        judged_at_us=0,
        due_at_us=ahead(alarm.due_at_us),
        re_alarm_at_us=ahead(alarm.re_alarm_at_us),
        shelved_until_us=ahead(alarm.shelved_until_us),
    )


@cache
def edges() -> tuple[Edge, ...]:
    """Each input a millisecond after the last, in every state there is."""
    found: list[Edge] = []
    for of in RULES:
        waiting = deque([begin(of, 0)])
        seen = set(waiting)
        while waiting:
            alarm = waiting.popleft()
            for given in alphabet(MS):
                on_time, due = step(of, alarm, Due(MS))
                after, told = step(of, on_time, given)
                found.append((of, alarm, given, after, (*due, *told)))
                if (known := forgetful(after, MS)) not in seen:
                    seen.add(known)
                    waiting.append(known)
    return tuple(found)


def test_what_always_holds() -> None:
    assert len(edges()) > 1000
    for of, before, given, after, told in edges():
        what = (of, before, given)
        states = [state_of(before), *(x.to_state for x in told)]
        assert [x.from_state for x in told] == states[:-1], what
        assert states[-1] is state_of(after), what
        assert [x.number for x in told] == list(range(after.number)), what
        assert all(x.at_us <= given.at_us for x in told), what
        if state_of(after) in HIDDEN:
            assert after.acknowledged, what
            assert after.re_alarm_at_us is None, what
        assert not after.latched or of.latching, what
        if isinstance(given, Due | Sample):
            due = next_due(after)
            assert due is None or due > given.at_us, what


def test_every_state_is_reached_and_can_be_left_for_normal() -> None:
    reached = {state_of(after) for _, _, _, after, _ in edges()}
    assert reached == set(State)
    back = {State.NORMAL}
    while True:
        more = {
            x.from_state for *_, told in edges() for x in told if x.to_state in back
        }
        if more <= back:
            break
        back |= more
    assert back == set(State)


def ways() -> dict[tuple[str, str], str]:
    """From state to state, and why; the hidden states as one, when they are left."""
    found: dict[tuple[str, str], set[str]] = {}
    for x in (x for *_, told in edges() for x in told):
        if x.from_state in SHOWN and x.from_state is not x.to_state:
            found.setdefault((x.from_state, x.to_state), set()).add(x.happened)
        elif x.from_state in HIDDEN and x.to_state in SHOWN:
            found.setdefault(("hidden", x.to_state), set()).add("comes to light")
    return {way: ", ".join(sorted(why)) for way, why in sorted(found.items())}


def diagram() -> str:
    """All ways from state to state, as Mermaid draws them."""
    found = ways()
    within = [
        f"        {before} --> {after}: {why}"
        for (before, after), why in found.items()
        if before in SHOWN and after in SHOWN
    ]
    lines = ["stateDiagram-v2", "    state shown {", "        [*] --> normal", *within]
    lines += ["    }", "    state hidden {", *(f"        {x}" for x in HIDDEN), "    }"]
    for hidden in HIDDEN:
        (why,) = {found[x, hidden] for x in SHOWN}
        lines.append(f"    shown --> {hidden}: {why}")
    lines += [
        f"    hidden --> {after}: {why}"
        for (before, after), why in found.items()
        if before == "hidden"
    ]
    return "\n".join(lines)


def test_the_manual_shows_the_diagram() -> None:
    assert f"```mermaid\n{diagram()}\n```" in PAGE.read_text(), diagram()
