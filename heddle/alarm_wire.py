"""Alarms between the contract's words and the machine's; for the device and fleetdata.

The machine (``heddle.alarms``) knows neither the wire nor devices: a table holds alarms
of one device.
"""

from collections.abc import Sequence
from typing import Any

from heddle.alarms.inputs import (
    Acknowledge,
    Command,
    Comment,
    Reset,
    ReturnToService,
    Shelve,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Unsuppress,
)
from heddle.alarms.refusal import refusal
from heddle.alarms.rule import OPC_UA, Rule, RulesInvalid, parse_all
from heddle.alarms.state import Transition
from heddle.alarms.table import AlarmTable, Standing
from heddle.contract.alarms import (
    AlarmAction,
    AlarmNotFound,
    AlarmOrder,
    AlarmRule,
    AlarmRulesInvalid,
    AlarmStanding,
    AlarmState,
    AlarmTransition,
    WrongAlarmState,
)
from heddle.contract.declare import InvalidRequest

US_PER_MS = 1000
_OPTIONAL = ("limit", "setpoint", "when", "after_ms", "uncertain", "deadband")
_DELAYS = ("on_delay_ms", "off_delay_ms")
_COMMANDS: dict[AlarmAction, type[Any]] = {
    AlarmAction.ACKNOWLEDGE: Acknowledge,
    AlarmAction.SHELVE: Shelve,
    AlarmAction.UNSHELVE: Unshelve,
    AlarmAction.SUPPRESS: Suppress,
    AlarmAction.UNSUPPRESS: Unsuppress,
    AlarmAction.OUT_OF_SERVICE: TakeOutOfService,
    AlarmAction.RETURN_TO_SERVICE: ReturnToService,
    AlarmAction.RESET: Reset,
    AlarmAction.COMMENT: Comment,
}


def machine_rules(rules: Sequence[AlarmRule]) -> tuple[Rule, ...]:
    """Rules of one device as a table takes them.

    Raises ``AlarmRulesInvalid`` naming all that is wrong with any of them.
    """
    try:
        return parse_all([_document(rule) for rule in rules])
    except RulesInvalid as error:
        flaws = [
            {
                "device": rules[0].device,
                "alarm": flaw.rule,
                "field": _FIELDS.get(flaw.field, flaw.field),
                "message": flaw.message,
            }
            for flaw in error.flaws
        ]
        raise AlarmRulesInvalid(
            "; ".join("{alarm}: {field} {message}".format_map(x) for x in flaws),
            flaws=flaws,
        ) from None


_FIELDS = {"id": "alarm", "message": "text"}


def _document(rule: AlarmRule) -> dict[str, object]:
    document: dict[str, object] = {
        "id": rule.alarm,
        "tag": rule.tag,
        "kind": rule.kind.value,
        "re_alarm_ms": rule.re_alarm_ms,
        "severity": rule.severity.value,
        "latching": rule.latching,
        "group": rule.group,
        "message": rule.text,
    }
    told = {name: getattr(rule, name) for name in (*_OPTIONAL, *_DELAYS)}
    given = {name: value for name, value in told.items() if value is not None}
    for name in _DELAYS:
        if not given[name]:
            del given[name]  # not all kinds have delays, and none is the usual
    return document | given


def wire_transition(transition: Transition) -> AlarmTransition:
    """A transition as it travels and is recorded."""
    until_us = transition.until_us
    return AlarmTransition(
        alarm=transition.rule,
        tag=transition.tag,
        at_us=transition.at_us,
        cause=transition.happened.value,
        before=transition.from_state.value,
        after=transition.to_state.value,
        severity=OPC_UA[transition.severity],
        value=transition.value,
        who=transition.who or None,
        comment=transition.comment or None,
        number=transition.number,
        until_ms=None if until_us is None else until_us // US_PER_MS,
        first=transition.first,
    )


def wire_standing(standing: Standing) -> AlarmStanding:
    """How an alarm stands, as its device tells it."""
    alarm, until_us = standing.alarm, standing.alarm.shelved_until_us
    return AlarmStanding(
        alarm=standing.rule.id,
        state=AlarmState(standing.state),
        raised_at_us=alarm.raised_at_us,
        value=alarm.value,
        until_ms=None if until_us is None else until_us // US_PER_MS,
        first=standing.first,
    )


def obey(table: AlarmTable, order: AlarmOrder, at_us: int) -> list[Transition]:
    """Do what was asked: to the alarms named, all or none of them; else to every one
    for which it makes sense.

    Raises ``AlarmNotFound``, ``WrongAlarmState`` and ``InvalidRequest``; then nothing
    has changed.
    """
    command = _command(order, at_us)
    if order.alarms is None:
        names = [x.rule.id for x in _all(table, command) if _in_season(x, command)]
    else:
        names = list(dict.fromkeys(order.alarms))
        _check(table, names, command)
    return [told for name in names for told in table.command(name, command)]


def _command(order: AlarmOrder, at_us: int) -> Command:
    fields: dict[str, Any] = {
        "at_us": at_us,
        "who": order.who,
        "comment": order.comment,
    }
    if order.action is AlarmAction.SHELVE:
        if order.until_ms is None:
            raise InvalidRequest("until_ms is missing: shelving has an end")
        fields["until_us"] = order.until_ms * US_PER_MS
    elif order.until_ms is not None:
        raise InvalidRequest(f"until_ms is for shelving, not to {order.action}")
    command: Command = _COMMANDS[order.action](**fields)
    return command


def _all(table: AlarmTable, command: Command) -> Sequence[Standing]:
    """Whom a command without names is about: who is at rest is left in peace."""
    if isinstance(command, Suppress | TakeOutOfService):
        return [table.get(rule.id) for rule in table.rules()]
    return table.not_normal()


def _in_season(standing: Standing, command: Command) -> bool:
    return refusal(standing.rule, standing.alarm, command) is None


def _check(table: AlarmTable, names: Sequence[str], command: Command) -> None:
    standings = []
    for name in names:
        try:
            standings.append(table.get(name))
        except KeyError:
            raise AlarmNotFound(
                f"there is no alarm {name!r}: see the device's rules", alarm=name
            ) from None
    why = {x.rule.id: refusal(x.rule, x.alarm, command) for x in standings}
    if refused := {name: said for name, said in why.items() if said is not None}:
        raise WrongAlarmState("; ".join(refused.values()), alarms=list(refused))
