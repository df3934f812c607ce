"""Alarms: rules, how alarms stand, what is done about them, and their journal.

Whoever looks at an alarm need not know where it is judged: what is asked about it, and
done about it, goes to fleetdata.
"""

from heddle.contract.alarm_answers import (
    AlarmEntries,
    AlarmJournal,
    AlarmJournalQuery,
    AlarmKpis,
    AlarmKpisQuery,
    AlarmList,
    AlarmsQuery,
)
from heddle.contract.alarms import (
    AlarmAction,
    AlarmCommand,
    AlarmNotFound,
    AlarmOrder,
    AlarmRuleList,
    AlarmRulesChanged,
    AlarmRulesInvalid,
    AlarmsMoved,
    AlarmsReconciled,
    DeviceOffline,
    ListAlarmRules,
    RemoveAlarmRules,
    ReportAlarms,
    SetAlarmRules,
    WrongAlarmState,
)
from heddle.contract.declare import OPERATORS, PEOPLE, Procedure, Role, Scope, Topic

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
REPORT_ALARMS = Procedure(
    "heddle.fleetdata.alarm.report",
    ReportAlarms,
    AlarmsReconciled,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=frozenset({Role.AGENT}),
    summary="A device tells how the alarms stand that it judges, once what led there "
    "is delivered; what stood otherwise is put right, with an entry in the journal.",
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
