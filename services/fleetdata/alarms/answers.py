"""What is answered about alarms: the list, a page of the journal, key figures."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from heddle.alarms import summary
from heddle.alarms.rule import OPC_UA, Severity
from heddle.alarms.state import Happened, State, Transition
from heddle.contract.alarm_answers import (
    AlarmEntry,
    AlarmFlood,
    AlarmJournal,
    AlarmKpis,
    AlarmList,
    AlarmRef,
    AlarmReport,
    FrequentAlarm,
)
from heddle.contract.alarms import AlarmRule, AlarmState
from services.fleetdata.store import alarms as store

US_PER_MS = 1000
PAGE_BYTES = 700_000  # the router carries messages of 1 MiB
UNSEEN = frozenset(
    {
        AlarmState.UNACKNOWLEDGED,
        AlarmState.RETURNED,
        AlarmState.LATCHED_UNACKNOWLEDGED,
    }
)
HIDDEN = frozenset(
    {AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE}
)
_CAUSES = frozenset(Happened)
_STATES = frozenset(State)


def alarm_list(
    states: Sequence[store.State], rules: Sequence[AlarmRule], limit: int
) -> AlarmList:
    """The most urgent first."""
    by_name = {(rule.device, rule.alarm): rule for rule in rules}
    reports = [_report(x, by_name.get((x.device, x.alarm))) for x in states]
    reports.sort(key=_urgency)
    return AlarmList(
        alarms=_fitting(reports[:limit]),
        by_state=dict(Counter(x.state.value for x in reports)),
        unacknowledged=sum(x.state in UNSEEN for x in reports),
    )


def _urgency(report: AlarmReport) -> tuple[bool, int, bool, int, str, str]:
    newest = -(report.raised_at_ms or 0)
    return (
        report.state in HIDDEN,
        -report.severity,
        report.state not in UNSEEN,
        newest,
        report.device,
        report.alarm,
    )


def _report(state: store.State, rule: AlarmRule | None) -> AlarmReport:
    shown = AlarmState(state.state)
    shelved = shown is AlarmState.SHELVED
    return AlarmReport(
        device=state.device,
        alarm=state.alarm,
        tag=state.tag,
        state=shown,
        severity=state.severity,
        place=state.place,
        since_ms=state.at_us // US_PER_MS,
        raised_at_ms=_ms(state.raised_at_us),
        value=state.value,
        first=state.first,
        who=state.who,
        comment=state.comment,
        shelved_until_ms=_ms(state.until_us) if shelved else None,
        text=rule.text if rule else "",
        kind=rule.kind if rule else None,
    )


def _ms(us: int | None) -> int | None:
    return None if us is None else us // US_PER_MS


def _fitting(found: Sequence[AlarmReport]) -> tuple[AlarmReport, ...]:
    return tuple(found[: _how_many(found)])


def _how_many(found: Sequence[object]) -> int:
    size = 0
    for count, each in enumerate(found):
        size += len(msgspec.msgpack.encode(each))
        if size > PAGE_BYTES:
            return count
    return len(found)


def page(found: Sequence[AlarmEntry], limit: int) -> AlarmJournal:
    """As many entries as a reply holds; ``found`` has one more than asked for."""
    entries = found[: min(limit, _how_many(found))]
    more = entries[-1].id if entries and len(found) > len(entries) else None
    return AlarmJournal(entries=tuple(entries), more=more)


def key_figures(entries: Sequence[AlarmEntry], from_us: int, to_us: int) -> AlarmKpis:
    """Of ``[from_us, to_us)``; entries are in the order of their times."""
    names: dict[str, AlarmRef] = {}
    told = [_transition(names, x) for x in entries if _is_known(x)]
    found = summary.kpis(told, from_us, to_us)
    return AlarmKpis(
        annunciated=found.annunciated,
        per_hour=found.per_hour,
        average_per_10_min=found.average_per_10_min,
        peak_per_10_min=found.peak_per_10_min,
        floods=tuple(
            AlarmFlood(
                from_ms=x.from_us // US_PER_MS,
                to_ms=x.to_us // US_PER_MS,
                annunciated=x.annunciated,
            )
            for x in found.floods
        ),
        in_flood=found.in_flood,
        chattering=tuple(names[x] for x in found.chattering),
        stale=tuple(names[x] for x in found.stale),
        top=tuple(_frequent(names, x) for x in found.top),
        by_severity=_by_severity(found.by_severity),
    )


def _is_known(entry: AlarmEntry) -> bool:
    one = entry.transition
    return one.cause in _CAUSES and {one.before, one.after} <= _STATES


def _by_severity(counts: Mapping[Severity, int]) -> dict[str, int]:
    return {severity.value: count for severity, count in counts.items()}


def _frequent(names: Mapping[str, AlarmRef], one: summary.Frequent) -> FrequentAlarm:
    ref = names[one.rule]
    return FrequentAlarm(
        device=ref.device,
        alarm=ref.alarm,
        annunciated=one.annunciated,
        share=one.share,
    )


def _transition(names: dict[str, AlarmRef], entry: AlarmEntry) -> Transition:
    one = entry.transition
    name = f"{entry.device}/{one.alarm}"
    names[name] = AlarmRef(device=entry.device, alarm=one.alarm)
    return Transition(
        rule=name,
        number=one.number or 0,
        tag=one.tag,
        at_us=one.at_us,
        happened=Happened(one.cause),
        from_state=State(one.before),
        to_state=State(one.after),
        severity=severity_of(one.severity),
    )


def severity_of(number: int) -> Severity:
    """The priority whose number of OPC UA's is nearest."""
    return min(OPC_UA, key=lambda severity: abs(OPC_UA[severity] - number))
