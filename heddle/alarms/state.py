"""What an alarm remembers, the state a standard would name, and what is told of it."""

import enum

from msgspec import Struct

from heddle.alarms.rule import Severity


class State(enum.StrEnum):
    """The states of ISA-18.2, by its letters."""

    NORMAL = "normal"  # A
    UNACKNOWLEDGED = "unacknowledged"  # B
    ACKNOWLEDGED = "acknowledged"  # C
    RETURNED = "returned"  # D, to normal, not acknowledged
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"  # E
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"  # F
    SHELVED = "shelved"  # G
    SUPPRESSED = "suppressed"  # H, by design
    OUT_OF_SERVICE = "out_of_service"  # I


class Happened(enum.StrEnum):
    """Why an alarm made a transition."""

    RAISED = "raised"
    CLEARED = "cleared"
    RE_ALARMED = "re_alarmed"
    ACKNOWLEDGED = "acknowledged"
    RESET = "reset"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SHELVING_EXPIRED = "shelving_expired"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    TAKEN_OUT_OF_SERVICE = "taken_out_of_service"
    RETURNED_TO_SERVICE = "returned_to_service"
    COMMENTED = "commented"
    CHANGED = "changed"
    REMOVED = "removed"


class Alarm(Struct, frozen=True, omit_defaults=True):
    """The whole memory of one alarm. Times are unix microseconds."""

    active: bool = False
    latched: bool = False  # only of a latching rule: has been active since its reset
    acknowledged: bool = True
    shelved_until_us: int | None = None
    suppressed: bool = False
    out_of_service: bool = False
    due_at_us: int | None = None  # when a delay, or the patience with silence, ends
    re_alarm_at_us: int | None = None
    raised_at_us: int | None = None  # when it last became active
    value: float | None = None  # the one that made it active, or no longer so
    due_value: float | None = None  # the one that began the delay
    judged_at_us: int = 0  # what is older is ignored
    last_at_us: int = 0  # RATE, STALE: the last usable sample's time
    last_value: float | None = None  # RATE
    number: int = 0  # the next transition's


class Transition(Struct, frozen=True, omit_defaults=True):
    """What became of an alarm, for the journal; numbered from 0 for each alarm."""

    rule: str
    number: int
    tag: str
    at_us: int
    happened: Happened
    from_state: State
    to_state: State
    severity: Severity
    value: float | None = None
    who: str = ""
    comment: str = ""
    until_us: int | None = None  # of a shelving
    first: bool = False  # the first of its group to be up


NEW = Alarm()
STANDING = frozenset(
    {
        State.UNACKNOWLEDGED,
        State.ACKNOWLEDGED,
        State.LATCHED_UNACKNOWLEDGED,
        State.LATCHED_ACKNOWLEDGED,
    }
)


def state_of(alarm: Alarm) -> State:
    """The state a standard would name; out of service hides all others."""
    if alarm.out_of_service:
        return State.OUT_OF_SERVICE
    if alarm.suppressed:
        return State.SUPPRESSED
    if alarm.shelved_until_us is not None:
        return State.SHELVED
    if alarm.active:
        return State.ACKNOWLEDGED if alarm.acknowledged else State.UNACKNOWLEDGED
    if alarm.latched:
        seen = alarm.acknowledged
        return State.LATCHED_ACKNOWLEDGED if seen else State.LATCHED_UNACKNOWLEDGED
    return State.NORMAL if alarm.acknowledged else State.RETURNED


def hidden(alarm: Alarm) -> bool:
    """Whether nobody is to be called by it."""
    shelved = alarm.shelved_until_us is not None
    return shelved or alarm.suppressed or alarm.out_of_service
