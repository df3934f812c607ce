"""Dashboards: charts and values that people put together, shared in a project.

A dashboard is panels on a grid of 12 columns. What a panel shows is named by series: a
tag of a device, or the same tag of every device that labels fit. Also which tags the
devices have, to choose from.
"""

import enum

from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    message,
    of_backend,
)
from heddle.contract.devices import SelectorInvalid, TagType

COLUMNS = 12  # of the grid
MOST_ROWS = 400
MOST_PANELS = 50
MOST_SERIES = 20  # of one panel


class PanelKind(enum.StrEnum):
    """What a panel shows."""

    CHART = "chart"  # its series over time
    VALUE = "value"  # the newest value of each of its series
    ALARMS = "alarms"  # what alarms now
    RUNS = "runs"  # the newest runs of each device


@message
class PanelSeries:
    """A tag of one device, or of every device that ``labels`` fit: one of the two."""

    tag: str
    device: str | None = None
    labels: str | None = None  # a selector, such as ``site=graz and not spare``


@message
class DashboardPanel:
    """One panel: ``x`` and ``w`` in columns, ``y`` and ``h`` in rows of the grid."""

    panel: str  # an id, unique in the dashboard
    kind: PanelKind
    x: int
    y: int
    w: int
    h: int
    title: str = ""
    series: tuple[PanelSeries, ...] = ()  # of charts and values
    labels: str | None = None  # of alarms and runs: of which devices; None: of all
    low: float | None = None  # of charts: where the scale begins; None: as the data
    high: float | None = None
    unit: str = ""  # written in place of the tags' own


@message
class SaveDashboard:
    """Make a dashboard, or put another one in its place."""

    dashboard: str
    title: str
    description: str = ""
    span_ms: int = 3_600_000  # how far back charts reach
    panels: tuple[DashboardPanel, ...] = ()
    if_revision: int | None = None  # only if nobody changed it since; 0: only if new


@message
class Dashboard:
    """A dashboard as it stands."""

    dashboard: str
    title: str
    description: str
    span_ms: int
    panels: tuple[DashboardPanel, ...]
    revision: int  # counts every change
    created_at_ms: int
    created_by: str
    changed_at_ms: int
    changed_by: str


@message
class DashboardRef:
    """Names a dashboard."""

    dashboard: str


@message
class DeleteDashboard:
    """Delete a dashboard; only who made it and owners of the project may."""

    dashboard: str
    if_revision: int | None = None  # only if nobody changed it since


@message
class DashboardDeleted:
    """It is gone."""

    dashboard: str


@message
class ListDashboards:
    """Ask for the project's dashboards, by id."""

    search: str = ""  # in id, title and description
    after: str = ""
    most: int = 100


@message
class DashboardSummary:
    """A dashboard without its panels."""

    dashboard: str
    title: str
    description: str
    panels: int
    revision: int
    created_by: str
    changed_at_ms: int
    changed_by: str


@message
class DashboardList:
    """Dashboards, by id."""

    dashboards: tuple[DashboardSummary, ...]
    more: bool = False


@message
class FindTags:
    """Ask which tags devices have, as they announced them last."""

    search: str = ""  # in the tag, or in the device's id
    tag: str | None = None  # exactly this one
    device: str | None = None
    labels: str | None = None  # of devices that these fit
    after: str = ""  # tags that come after this one
    most: int = 200


@message
class FoundTag:
    """A tag and the devices that have it."""

    tag: str
    unit: str
    type: TagType
    writable: bool
    devices: tuple[str, ...]  # by id; at most 1,000 of them
    count: int  # how many there are


@message
class FoundTags:
    """Tags by name; one that devices have with several units stands there for each."""

    tags: tuple[FoundTag, ...]
    more: bool = False


class DashboardNotFound(FleetError):
    """The project has no such dashboard."""

    uri = "heddle.error.dashboard_not_found"


class DashboardChanged(FleetError):
    """Somebody changed the dashboard meanwhile; ``details`` tell today's ``revision``,
    ``changed_by`` and ``changed_at_ms``.
    """

    uri = "heddle.error.dashboard_changed"


SAVE_DASHBOARD: Procedure[SaveDashboard, Dashboard] = of_backend(
    "dashboard.save", SaveDashboard, Dashboard,
    "Make a dashboard, or put another one in its place.",
    DashboardNotFound, DashboardChanged, SelectorInvalid,
)  # fmt: skip
GET_DASHBOARD: Procedure[DashboardRef, Dashboard] = of_backend(
    "dashboard.get", DashboardRef, Dashboard,
    "A dashboard with its panels.",
    DashboardNotFound, called_by=PEOPLE,
)  # fmt: skip
LIST_DASHBOARDS: Procedure[ListDashboards, DashboardList] = of_backend(
    "dashboard.list", ListDashboards, DashboardList,
    "The project's dashboards.",
    called_by=PEOPLE,
)  # fmt: skip
DELETE_DASHBOARD: Procedure[DeleteDashboard, DashboardDeleted] = of_backend(
    "dashboard.delete", DeleteDashboard, DashboardDeleted,
    "Delete a dashboard: one's own, or as an owner of the project anybody's.",
    DashboardNotFound, DashboardChanged,
)  # fmt: skip
FIND_TAGS: Procedure[FindTags, FoundTags] = of_backend(
    "tag.find", FindTags, FoundTags,
    "Which tags devices have, by name.",
    SelectorInvalid, called_by=PEOPLE,
)  # fmt: skip
