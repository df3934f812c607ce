"""What alarms are: rules, states, transitions, and what may be done about them.

The states, and what a transition may be, are ISA-18.2's (IEC 62682). An alarm is known
by its device and its id. Where it is judged, on the device (``edge``) or in fleetdata
(``centre``), its rule says; whoever looks at it need not know.
"""

import enum

from heddle.contract.declare import FleetError, message


class AlarmKind(enum.StrEnum):
    """What an alarm watches for."""

    HIHI = "hihi"
    HI = "hi"
    LO = "lo"
    LOLO = "lolo"
    BOOLEAN = "boolean"
    DEVIATION = "deviation"
    RATE = "rate"
    STALE = "stale"
    QUALITY = "quality"


class AlarmSeverity(enum.StrEnum):
    """ISA-18.2's priorities; in transitions 200, 500, 700 and 900 of OPC UA's 1000."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class AlarmState(enum.StrEnum):
    """The states of ISA-18.2."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


class AlarmPlace(enum.StrEnum):
    """Where an alarm is judged."""

    CENTRE = "centre"
    EDGE = "edge"


class AlarmAction(enum.StrEnum):
    """What a person, or the plant's logic, may do about an alarm."""

    ACKNOWLEDGE = "acknowledge"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    OUT_OF_SERVICE = "out_of_service"
    RETURN_TO_SERVICE = "return_to_service"
    RESET = "reset"
    COMMENT = "comment"


RECONCILED = "reconciled"  # the cause where what led to a state was lost


@message
class AlarmTransition:
    """One step of one alarm; the states are those of ISA-18.2."""

    alarm: str
    tag: str
    at_us: int  # unix microseconds UTC
    cause: str  # what happened, e.g. "raised", "cleared", "acknowledged"
    before: str
    after: str
    severity: int
    value: float | None = None
    who: str | None = None
    comment: str | None = None
    number: int | None = None  # counts this alarm's transitions, from 0
    until_ms: int | None = None  # of a shelving
    first: bool = False  # the first of its group to be up


@message
class AlarmRule:
    """One alarm on one tag. Which fields a kind has is told in the manual."""

    device: str
    alarm: str
    tag: str
    kind: AlarmKind
    place: AlarmPlace = AlarmPlace.CENTRE
    limit: float | None = None  # of hihi, hi, lo, lolo, deviation, rate (per second)
    setpoint: float | None = None  # of deviation
    when: bool | None = None  # of boolean: the value that alarms
    after_ms: int | None = None  # of stale
    uncertain: bool | None = None  # of quality: on uncertain already, not only on bad
    deadband: float | None = None
    on_delay_ms: int = 0
    off_delay_ms: int = 0
    re_alarm_ms: int = 0  # 0: never
    severity: AlarmSeverity = AlarmSeverity.MEDIUM
    latching: bool = False
    group: str = ""  # alarms of a device of which the first one up is marked
    text: str = ""


@message
class SetAlarmRules:
    """Make or change rules, all or none."""

    rules: tuple[AlarmRule, ...]
    comment: str = ""


@message
class RemoveAlarmRules:
    """Remove rules of a device, with their alarms."""

    device: str
    alarms: tuple[str, ...]
    comment: str = ""


@message
class ListAlarmRules:
    """Ask for the rules of one device, or of all."""

    device: str | None = None


@message
class AlarmRuleList:
    """Rules, by device and alarm."""

    rules: tuple[AlarmRule, ...]


@message
class AlarmCommand:
    """Do something about alarms of a device: those named, all or none of them; or,
    with none named, about every one for which it makes sense.
    """

    device: str
    alarms: tuple[str, ...] | None = None
    comment: str = ""
    until_ms: int | None = None  # shelve: until when


@message
class AlarmOrder:
    """What a person asked of alarms that the device judges; fleetdata hands it on."""

    action: AlarmAction
    who: str
    alarms: tuple[str, ...] | None = None
    comment: str = ""
    until_ms: int | None = None


@message
class AlarmsMoved:
    """The transitions that came of it, in order."""

    transitions: tuple[AlarmTransition, ...]


@message
class AlarmStanding:
    """How an alarm stands, as the device that judges it has it."""

    alarm: str
    state: AlarmState
    raised_at_us: int | None = None
    value: float | None = None
    until_ms: int | None = None  # of a shelving
    first: bool = False


@message
class ReportAlarms:
    """How all alarms stand that the caller judges; those left out are normal.

    It is true after ``next_number`` items of this epoch of the caller's stream alarms.
    """

    epoch: str
    next_number: int
    standing: tuple[AlarmStanding, ...]


@message
class AlarmsReconciled:
    """Which alarms stood otherwise here; not ``in_step``: newer items are known."""

    in_step: bool
    alarms: tuple[str, ...] = ()


@message
class AlarmRulesChanged:
    """The rules of a device are no longer what they were."""


class AlarmNotFound(FleetError):
    """The device has no such alarm."""

    uri = "heddle.error.alarm_not_found"


class WrongAlarmState(FleetError):
    """It makes no sense in the alarm's state; the sentence tells the way out."""

    uri = "heddle.error.wrong_alarm_state"


class AlarmRulesInvalid(FleetError):
    """Rules are refused; ``details["flaws"]`` is all that is wrong with them."""

    uri = "heddle.error.alarm_rules_invalid"


class DeviceOffline(FleetError):
    """The device that judges the alarm does not answer; nothing was done."""

    uri = "heddle.error.device_offline"
