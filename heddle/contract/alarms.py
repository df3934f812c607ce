"""Alarms: rules, how alarms stand, what is done about them, and their journal.

The states, and what a transition may be, are ISA-18.2's (IEC 62682). An alarm is known
by its device and its id. Where it is judged, on the device (``edge``) or in fleetdata
(``centre``), its rule says; whoever looks at it need not know.
"""

import enum

from heddle.contract.declare import (
    OPERATORS,
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    Topic,
    message,
)


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
class AlarmsQuery:
    """Ask for the alarms that are not normal, of one device or of all."""

    device: str | None = None
    limit: int = 1000


@message
class AlarmReport:
    """How an alarm stands."""

    device: str
    alarm: str
    tag: str
    state: AlarmState
    severity: int
    place: AlarmPlace
    since_ms: int  # its last transition but comments
    raised_at_ms: int | None = None
    value: float | None = None  # that made it active, or no longer so
    first: bool = False
    who: str | None = None  # did what was last done about it
    comment: str | None = None
    shelved_until_ms: int | None = None
    text: str = ""
    kind: AlarmKind | None = None  # None: raised by a run, there is no rule


@message
class AlarmList:
    """What asks for attention first, the most urgent first; then what is hidden."""

    alarms: tuple[AlarmReport, ...]
    by_state: dict[str, int]  # of all that are not normal, be they listed or not
    unacknowledged: int


@message
class AlarmJournalQuery:
    """Ask for transitions in [from_ms, to_ms), the newest first."""

    from_ms: int
    to_ms: int
    device: str | None = None
    alarm: str | None = None
    before: int | None = None  # go on from a page's ``more``
    limit: int = 500


@message
class AlarmEntry:
    """A transition as fleetdata recorded it; ids grow, with gaps."""

    id: int
    device: str
    place: AlarmPlace
    transition: AlarmTransition


@message
class AlarmJournal:
    """A page of the journal."""

    entries: tuple[AlarmEntry, ...]
    more: int | None = None  # None: there is no more


@message
class AlarmKpisQuery:
    """Ask for key figures of [from_ms, to_ms), 31 days at most."""

    from_ms: int
    to_ms: int
    device: str | None = None


@message
class AlarmFlood:
    """Spans of ten minutes one after the other with too many alarms."""

    from_ms: int
    to_ms: int
    annunciated: int


@message
class FrequentAlarm:
    """One of the ten alarms that came most often."""

    device: str
    alarm: str
    annunciated: int
    share: float


@message
class AlarmRef:
    """An alarm by its name."""

    device: str
    alarm: str


@message
class AlarmKpis:
    """Key figures of ISA-18.2 and EEMUA 191."""

    annunciated: int
    per_hour: tuple[int, ...]
    average_per_10_min: float
    peak_per_10_min: int
    floods: tuple[AlarmFlood, ...]  # begun above 10 in 10 minutes, ended below 5
    in_flood: float  # share of the time
    chattering: tuple[AlarmRef, ...]  # 3 times or more within a minute
    stale: tuple[AlarmRef, ...]  # active for more than 24 hours at the end
    top: tuple[FrequentAlarm, ...]
    by_severity: dict[str, int]


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
class AlarmEntries:
    """Transitions that were just recorded."""

    entries: tuple[AlarmEntry, ...]


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


SET_ALARM_RULES = Procedure(
    "heddle.fleetdata.alarm.rule.set",
    SetAlarmRules,
    AlarmRuleList,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=OPERATORS,
    summary="Make or change alarm rules, all or none. An alarm outlives a change of "
    "its limits; with another tag, kind or place it begins anew.",
    raises=(AlarmRulesInvalid,),
)
REMOVE_ALARM_RULES = Procedure(
    "heddle.fleetdata.alarm.rule.remove",
    RemoveAlarmRules,
    AlarmRuleList,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=OPERATORS,
    summary="Remove alarm rules, all or none; the reply is what was removed.",
    raises=(AlarmNotFound,),
)
LIST_ALARM_RULES = Procedure(
    "heddle.fleetdata.alarm.rule.list",
    ListAlarmRules,
    AlarmRuleList,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.AGENT},
    summary="Alarm rules. A device gets its own, of those it is to judge itself.",
)
ACTIVE_ALARMS = Procedure(
    "heddle.fleetdata.alarm.active",
    AlarmsQuery,
    AlarmList,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.BACKEND},
    summary="All alarms that are not normal, with counts.",
)
ALARM_JOURNAL = Procedure(
    "heddle.fleetdata.alarm.journal",
    AlarmJournalQuery,
    AlarmJournal,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.BACKEND},
    summary="Transitions of a time range, page by page, the newest first.",
)
ALARM_KPIS = Procedure(
    "heddle.fleetdata.alarm.kpis",
    AlarmKpisQuery,
    AlarmKpis,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.BACKEND},
    summary="Key figures of a time range.",
)


def _command(action: AlarmAction, summary: str) -> Procedure[AlarmCommand, AlarmsMoved]:
    return Procedure(
        f"heddle.fleetdata.alarm.{action}",
        AlarmCommand,
        AlarmsMoved,
        scope=Scope.PROJECT,
        served_by=Role.FLEETDATA,
        called_by=OPERATORS,
        summary=summary,
        raises=(AlarmNotFound, WrongAlarmState, DeviceOffline),
    )


ACKNOWLEDGE_ALARMS = _command(AlarmAction.ACKNOWLEDGE, "An operator has seen them.")
SHELVE_ALARMS = _command(
    AlarmAction.SHELVE, "Hide alarms until a given time; it ends on time."
)
UNSHELVE_ALARMS = _command(AlarmAction.UNSHELVE, "End a shelving before its time.")
SUPPRESS_ALARMS = _command(
    AlarmAction.SUPPRESS, "By design: they have no meaning as the plant is run now."
)
UNSUPPRESS_ALARMS = _command(AlarmAction.UNSUPPRESS, "They have a meaning again.")
TAKE_ALARMS_OUT_OF_SERVICE = _command(
    AlarmAction.OUT_OF_SERVICE, "For maintenance, until they are returned to service."
)
RETURN_ALARMS_TO_SERVICE = _command(
    AlarmAction.RETURN_TO_SERVICE, "Maintenance is over."
)
RESET_ALARMS = _command(
    AlarmAction.RESET, "Release the latch of what has returned and is acknowledged."
)
COMMENT_ALARMS = _command(AlarmAction.COMMENT, "Put a remark into the journal.")

ALARM_COMMANDS: dict[AlarmAction, Procedure[AlarmCommand, AlarmsMoved]] = {
    AlarmAction.ACKNOWLEDGE: ACKNOWLEDGE_ALARMS,
    AlarmAction.SHELVE: SHELVE_ALARMS,
    AlarmAction.UNSHELVE: UNSHELVE_ALARMS,
    AlarmAction.SUPPRESS: SUPPRESS_ALARMS,
    AlarmAction.UNSUPPRESS: UNSUPPRESS_ALARMS,
    AlarmAction.OUT_OF_SERVICE: TAKE_ALARMS_OUT_OF_SERVICE,
    AlarmAction.RETURN_TO_SERVICE: RETURN_ALARMS_TO_SERVICE,
    AlarmAction.RESET: RESET_ALARMS,
    AlarmAction.COMMENT: COMMENT_ALARMS,
}

ORDER_ALARMS: Procedure[AlarmOrder, AlarmsMoved] = Procedure(
    "heddle.device.{device}.alarm.command",
    AlarmOrder,
    AlarmsMoved,
    scope=Scope.PROJECT,
    served_by=Role.AGENT,
    called_by=frozenset({Role.FLEETDATA}),
    summary="Do what a person asked about alarms that the device judges.",
    raises=(AlarmNotFound, WrongAlarmState),
)
ALARM_TRANSITIONS: Topic[AlarmEntries] = Topic(
    "heddle.fleetdata.alarm.transition.{device}",
    AlarmEntries,
    scope=Scope.PROJECT,
    published_by=Role.FLEETDATA,
    subscribed_by=PEOPLE | {Role.BACKEND},
    summary="Transitions of a device's alarms, wherever they are judged, once they "
    "are recorded.",
)
ALARM_RULES_CHANGED: Topic[AlarmRulesChanged] = Topic(
    "heddle.fleetdata.alarm.rules_changed.{device}",
    AlarmRulesChanged,
    scope=Scope.PROJECT,
    published_by=Role.FLEETDATA,
    subscribed_by=frozenset({Role.AGENT}),
    summary="The device may ask for its rules again.",
)
