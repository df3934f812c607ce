"""Why a command would change nothing, for whoever gave it. ``step`` goes by it, too."""

from heddle.alarms.inputs import (
    Acknowledge,
    Changed,
    Command,
    Comment,
    Covering,
    Removed,
    Reset,
    ReturnToService,
    Shelve,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Unsuppress,
)
from heddle.alarms.rule import Rule
from heddle.alarms.state import Alarm, state_of


def refusal(rule: Rule, alarm: Alarm, given: Command) -> str | None:
    """Why ``step`` would ignore a command: a sentence for whoever gave it."""
    match given:
        case Acknowledge() | Reset():
            why = _why_not(alarm, given)
        case Comment() | Changed() | Removed():
            why = None
        case _:
            why = _why_not_cover(alarm, given)
    return f"alarm {rule.id} is {state_of(alarm)}: {why}" if why else None


def _why_not(alarm: Alarm, given: Acknowledge | Reset) -> str | None:
    if isinstance(given, Acknowledge):
        return "there is nothing to acknowledge" if alarm.acknowledged else None
    if not alarm.latched:
        return "it is not latched, there is nothing to reset"
    if alarm.active:
        return "its condition still holds, reset it once it has returned to normal"
    return None if alarm.acknowledged else "acknowledge it before you reset it"


def _why_not_cover(alarm: Alarm, given: Covering) -> str | None:
    out_of_season = {
        Shelve: "it cannot be shelved until a time that has passed",
        Unshelve: "it is not shelved",
        Suppress: "it is suppressed already",
        Unsuppress: "it is not suppressed",
        TakeOutOfService: "it is out of service already",
        ReturnToService: "it is in service",
    }
    match given:
        case Shelve():
            in_season = given.until_us > given.at_us
        case Unshelve():
            in_season = alarm.shelved_until_us is not None
        case Suppress() | Unsuppress():
            in_season = alarm.suppressed is isinstance(given, Unsuppress)
        case _:
            in_season = alarm.out_of_service is isinstance(given, ReturnToService)
    return None if in_season else out_of_season[type(given)]
