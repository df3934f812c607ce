"""Alarm rules come, change and go, with their alarms, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence

from heddle.alarm_wire import machine_rules
from heddle.alarms.inputs import Changed, Removed
from heddle.alarms.state import Transition
from heddle.alarms.table import AlarmTable
from heddle.contract.alarms import (
    AlarmNotFound,
    AlarmPlace,
    AlarmRule,
    AlarmRulesInvalid,
)
from services.fleetdata.alarms.judging import Judge, Judging
from services.fleetdata.store import alarms as store
from services.fleetdata.store.links import Link

Known = Mapping[str, AlarmRule]


def set_rules(
    link: Link,
    judge: Judge,
    rules: Sequence[AlarmRule],
    change: Changed,
) -> None:
    """Make or change rules. Raises ``AlarmRulesInvalid``; then nothing has changed."""
    by_device: dict[str, dict[str, AlarmRule]] = {}
    for rule in rules:
        by_device.setdefault(rule.device, {})[rule.alarm] = rule
    with judge.judging(link) as judging, link.connection.transaction():
        known = {device: _known(link, device) for device in sorted(by_device)}
        _check(rules, known)
        for device, before in known.items():
            _set_of_device(judge, judging, before, by_device[device], change)
        store.put_rules(link.connection, rules)


def remove_rules(
    link: Link, judge: Judge, device: str, alarms: Sequence[str], change: Removed
) -> tuple[AlarmRule, ...]:
    """Remove rules; tells which. Raises ``AlarmNotFound``; then nothing has changed."""
    with judge.judging(link) as judging, link.connection.transaction():
        known = _known(link, device)
        if missing := [x for x in alarms if x not in known]:
            raise AlarmNotFound(
                f"{device} has no alarm {', '.join(missing)}: nothing was removed",
                alarms=missing,
            )
        gone = tuple(known[x] for x in dict.fromkeys(alarms))
        if any(_here(rule) for rule in gone):
            table = judge.hold(judging, device)
            told: list[Transition] = []
            for rule in gone:
                if _here(rule):
                    told += table.remove(rule.alarm, change)
            judge.save(judging, device, told)
        store.delete_rules(link.connection, device, alarms)
    return gone


def _known(link: Link, device: str) -> Known:
    store.open_bank(link.connection, device)  # others who change rules wait here
    return {x.alarm: x for x in store.select_rules(link.connection, device)}


def _here(rule: AlarmRule | None) -> bool:
    return rule is not None and rule.place is AlarmPlace.CENTRE


def _check(rules: Sequence[AlarmRule], known: Iterable[str]) -> None:
    """Name all that is wrong with any of the rules, of whatever device."""
    sentences, flaws = [], []
    for device in known:
        try:
            machine_rules([rule for rule in rules if rule.device == device])
        except AlarmRulesInvalid as error:
            sentences.append(f"{device}: {error}")
            told = error.details["flaws"]
            flaws += told if isinstance(told, list) else []
    if sentences:
        raise AlarmRulesInvalid("; ".join(sentences), flaws=flaws)


def _set_of_device(
    judge: Judge,
    judging: Judging,
    known: Known,
    wanted: Known,
    change: Changed,
) -> None:
    device = next(iter(wanted.values())).device
    if not any(_here(x) or _here(known.get(x.alarm)) for x in wanted.values()):
        return
    connection = judging.link.connection
    table = judge.hold(judging, device)
    told: list[Transition] = []
    elsewhere: list[str] = []
    for rule in wanted.values():
        before = known.get(rule.alarm)
        if not _here(rule):
            if _here(before):
                told += table.remove(rule.alarm, _removed(change))
            elsewhere.append(rule.alarm)
        elif _here(before):
            told += _changed(table, rule, change)
        else:
            if before is not None:
                store.delete_states(connection, device, [rule.alarm])
            number = store.next_number(connection, device, rule.alarm)
            (made,) = machine_rules([rule])
            table.add(made, change.at_us, number)
    told += _judge_again(judging, table, device, wanted, judge.now_us())
    judge.save(judging, device, told)
    store.delete_states(connection, device, elsewhere)


def _changed(table: AlarmTable, rule: AlarmRule, change: Changed) -> list[Transition]:
    (wanted,) = machine_rules([rule])
    if table.get(rule.alarm).rule == wanted:
        return []
    return list(table.change(wanted, change))


def _judge_again(
    judging: Judging, table: AlarmTable, device: str, wanted: Known, now_us: int
) -> list[Transition]:
    """By the values the tags have now: new limits do not wait for the next sample."""
    told: list[Transition] = []
    tags = sorted({rule.tag for rule in wanted.values() if _here(rule)})
    for tag, at_us, value, quality in store.current(
        judging.link.connection, device, tags, now_us
    ):
        slot = table.slot(tag)
        told += table.update(slot, max(at_us, table.seen(slot)), value, quality)
    return told


def _removed(change: Changed) -> Removed:
    return Removed(change.at_us, change.who, change.comment)
