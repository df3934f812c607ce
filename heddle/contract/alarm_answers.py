"""What is asked about alarms, and answered: the list, the journal, key figures."""

from heddle.contract.alarms import AlarmKind, AlarmPlace, AlarmState, AlarmTransition
from heddle.contract.declare import message


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
class AlarmEntries:
    """Transitions that were just recorded."""

    entries: tuple[AlarmEntry, ...]
