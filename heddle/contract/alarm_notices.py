"""Alarm notices: who is told of alarms outside of Heddle, by webhook or by e-mail.

A notice is written down in the commit of the transition it tells of, and delivered at
least once, with patience. One that could not be delivered for a day is given up, which
is recorded.
"""

from heddle.contract.alarms import AlarmSeverity
from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    message,
)


@message
class NoticeTarget:
    """Whom to tell of what. Exactly one of ``url`` and ``mail`` is given."""

    target: str
    url: str | None = None  # webhook: gets a POST with JSON
    mail: tuple[str, ...] = ()  # addresses
    secret: str | None = None  # webhook: sent as `Authorization: Bearer`; write-only
    min_severity: AlarmSeverity = AlarmSeverity.LOW
    device: str | None = None  # only of this one
    cleared: bool = False  # also when an alarm's condition is over


@message
class SetNoticeTargets:
    """Make or change targets, all or none. A secret left out stays as it is."""

    targets: tuple[NoticeTarget, ...]


@message
class RemoveNoticeTargets:
    """Remove targets, and the notices that wait for them."""

    targets: tuple[str, ...]


@message
class ListNoticeTargets:
    """Ask for all targets."""


@message
class NoticeTargetReport:
    """A target without its secret, and how its notices fare."""

    target: NoticeTarget
    has_secret: bool
    waiting: int
    given_up: int
    error: str | None = None  # why the last attempt of one that waits failed


@message
class NoticeTargetList:
    """Targets, by name."""

    targets: tuple[NoticeTargetReport, ...]


@message
class SendTestNotice:
    """Tell a target something now, once, to see whether it gets through."""

    target: str


@message
class NoticeTaken:
    """The target has taken it."""

    target: str


class NoticeTargetNotFound(FleetError):
    """There is no such target of notices."""

    uri = "heddle.error.notice_target_not_found"


class NoticeNotTaken(FleetError):
    """The target did not take the notice; the sentence tells why."""

    uri = "heddle.error.notice_not_taken"


SET_NOTICE_TARGETS = Procedure(
    "heddle.fleetdata.alarm.notify.set",
    SetNoticeTargets,
    NoticeTargetList,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=frozenset({Role.OWNER}),
    summary="Make or change whom alarms are told to, by webhook or e-mail.",
)
REMOVE_NOTICE_TARGETS = Procedure(
    "heddle.fleetdata.alarm.notify.remove",
    RemoveNoticeTargets,
    NoticeTargetList,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=frozenset({Role.OWNER}),
    summary="Remove whom alarms are told to; the reply is what is left.",
)
LIST_NOTICE_TARGETS = Procedure(
    "heddle.fleetdata.alarm.notify.list",
    ListNoticeTargets,
    NoticeTargetList,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE,
    summary="Whom alarms are told to, and what waits or was given up.",
)
SEND_TEST_NOTICE = Procedure(
    "heddle.fleetdata.alarm.notify.test",
    SendTestNotice,
    NoticeTaken,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=frozenset({Role.OWNER}),
    summary="Send a target a notice of an alarm that is none; the reply comes when "
    "it was taken.",
    raises=(NoticeTargetNotFound, NoticeNotTaken),
)
