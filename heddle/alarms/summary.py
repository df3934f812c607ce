"""What the alarms come to: the list an operator looks at, counts, and key figures.

The figures are those of ISA-18.2 and EEMUA 191, taken from the journal of transitions.
They are meant per operator: give the transitions of what one operator looks after.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from heddle.alarms.rule import RANK, Severity
from heddle.alarms.state import STANDING, Happened, State, Transition
from heddle.alarms.table import Standing

SECOND_US = 1_000_000
TEN_MINUTES_US = 600 * SECOND_US
HOUR_US = 3600 * SECOND_US
STALE_US = 24 * HOUR_US
FLOOD = 10  # more than so many in ten minutes begin a flood
FLOOD_ENDS = 5  # fewer than so many in ten minutes end it
CHATTER, CHATTER_US = 3, 60 * SECOND_US
TOP = 10

SHOWN = STANDING | {State.RETURNED}


def active(standings: Iterable[Standing]) -> list[Standing]:
    """What asks for attention: by severity, unacknowledged first, then the newest."""
    return sorted((x for x in standings if x.state in SHOWN), key=_urgency)


def _urgency(standing: Standing) -> tuple[int, bool, int, str]:
    rule, alarm = standing.rule, standing.alarm
    newest = -(alarm.raised_at_us or 0)
    return -RANK[rule.severity], alarm.acknowledged, newest, rule.id


class Counts(msgspec.Struct, frozen=True):
    """How many alarms there are, by what one counts them by."""

    by_state: Mapping[State, int]
    by_severity: Mapping[Severity, int]  # of those that ask for attention
    unacknowledged: int


def counts(standings: Iterable[Standing]) -> Counts:
    """Counts of alarms that are not normal."""
    every = list(standings)
    shown = active(every)
    return Counts(
        by_state=Counter(x.state for x in every),
        by_severity=Counter(x.rule.severity for x in shown),
        unacknowledged=sum(not x.alarm.acknowledged for x in shown),
    )


class Flood(msgspec.Struct, frozen=True):
    """Consecutive spans of ten minutes with more alarms than anyone can answer."""

    from_us: int
    to_us: int
    annunciated: int


class Frequent(msgspec.Struct, frozen=True):
    """One of the alarms that come most often."""

    rule: str
    annunciated: int
    share: float  # of all, 0 to 1


class Kpis(msgspec.Struct, frozen=True):
    """Key figures of a time range."""

    annunciated: int
    per_hour: tuple[int, ...]  # hour by hour from the start; the last may be cut short
    average_per_10_min: float
    peak_per_10_min: int
    floods: tuple[Flood, ...]
    in_flood: float  # share of the time, 0 to 1
    chattering: tuple[str, ...]  # rules announced 3 times or more within a minute
    stale: tuple[str, ...]  # rules active for more than 24 hours at the end
    top: tuple[Frequent, ...]
    by_severity: Mapping[Severity, int]


def annunciated(transition: Transition) -> bool:
    """Whether it calls an operator: a new alarm, or an old one announced again."""
    again = transition.happened is Happened.RE_ALARMED
    new = transition.from_state is not State.UNACKNOWLEDGED
    return transition.to_state is State.UNACKNOWLEDGED and (new or again)


def kpis(transitions: Iterable[Transition], from_us: int, to_us: int) -> Kpis:
    """The figures of ``[from_us, to_us)``.

    Transitions come in the order of their times. Give those of before, too, as far back
    as alarms are to be noticed that have been active since.
    """
    calls: list[Transition] = []
    since: dict[str, int] = {}
    for transition in transitions:
        if transition.at_us >= to_us:
            break
        _note_activity(since, transition)
        if annunciated(transition) and transition.at_us >= from_us:
            calls.append(transition)
    span_us = to_us - from_us
    spans = _per_span(calls, from_us, to_us, TEN_MINUTES_US)
    floods = tuple(_floods(spans, from_us, to_us))
    often = Counter(x.rule for x in calls)
    return Kpis(
        annunciated=len(calls),
        per_hour=tuple(_per_span(calls, from_us, to_us, HOUR_US)),
        average_per_10_min=len(calls) * TEN_MINUTES_US / span_us
        if span_us > 0
        else 0.0,
        peak_per_10_min=max(spans, default=0),
        floods=floods,
        in_flood=sum(x.to_us - x.from_us for x in floods) / max(span_us, 1),
        chattering=tuple(sorted(_chattering(calls))),
        stale=tuple(sorted(x for x, at in since.items() if to_us - at > STALE_US)),
        top=tuple(
            Frequent(rule, count, count / len(calls))
            for rule, count in sorted(often.items(), key=lambda x: (-x[1], x[0]))[:TOP]
        ),
        by_severity=Counter(x.severity for x in calls),
    )


def _note_activity(since: dict[str, int], transition: Transition) -> None:
    if transition.happened is Happened.RAISED:
        since[transition.rule] = transition.at_us
    elif transition.happened in {Happened.CLEARED, Happened.REMOVED}:
        since.pop(transition.rule, None)


def _per_span(
    calls: Iterable[Transition], from_us: int, to_us: int, span_us: int
) -> list[int]:
    spans = [0] * -(-max(to_us - from_us, 0) // span_us)
    for call in calls:
        spans[(call.at_us - from_us) // span_us] += 1
    return spans


def _floods(spans: Iterable[int], from_us: int, to_us: int) -> Iterator[Flood]:
    begun_us, count = None, 0
    at_us = from_us
    for calls in spans:
        if begun_us is None and calls > FLOOD:
            begun_us, count = at_us, 0
        elif begun_us is not None and calls < FLOOD_ENDS:
            yield Flood(begun_us, at_us, count)
            begun_us = None
        count += calls
        at_us += TEN_MINUTES_US
    if begun_us is not None:
        yield Flood(begun_us, to_us, count)


def _chattering(calls: Iterable[Transition]) -> set[str]:
    found: set[str] = set()
    latest: dict[str, deque[int]] = {}
    for call in calls:
        times = latest.setdefault(call.rule, deque(maxlen=CHATTER))
        times.append(call.at_us)
        if len(times) == CHATTER and times[-1] - times[0] <= CHATTER_US:
            found.add(call.rule)
    return found
