"""What a dashboard may be, and who may change it. Pure."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

from heddle.contract.dashboards import (
    COLUMNS,
    MOST_PANELS,
    MOST_ROWS,
    MOST_SERIES,
    DashboardChanged,
    DashboardPanel,
    PanelKind,
    PanelSeries,
    SaveDashboard,
)
from heddle.contract.declare import InvalidRequest, NotPermitted, Role, check_id
from services.backend.fleet.targets import read_selector
from services.backend.flows.text import check_description
from services.backend.text import check_name

SHORTEST_MS, LONGEST_MS = 10_000, 10 * 366 * 86_400_000
MOST_BYTES = 200_000  # of all panels, as JSON
LONGEST_TAG, LONGEST_UNIT = 200, 64
LARGEST = 1e300
_WITH_SERIES = (PanelKind.CHART, PanelKind.VALUE)


def check(wanted: SaveDashboard) -> None:
    """Raises ``InvalidRequest``, ``InvalidId`` or ``SelectorInvalid`` naming the part
    that cannot be.
    """
    check_id("dashboard", wanted.dashboard)
    check_name("title", wanted.title)
    if not wanted.title.strip():
        raise InvalidRequest("title is empty: give the dashboard one")
    check_description(wanted.description)
    if not SHORTEST_MS <= wanted.span_ms <= LONGEST_MS:
        raise InvalidRequest(f"span_ms must be {SHORTEST_MS} to {LONGEST_MS}")
    if len(wanted.panels) > MOST_PANELS:
        raise InvalidRequest(
            f"a dashboard has at most {MOST_PANELS} panels, not {len(wanted.panels)}"
        )
    seen: set[str] = set()
    for panel in wanted.panels:
        if check_id("panel", panel.panel) in seen:
            raise InvalidRequest(f"there are two panels {panel.panel}")
        seen.add(panel.panel)
        _check_panel(panel)
    size = len(panels_text(wanted.panels).encode())
    if size > MOST_BYTES:
        raise InvalidRequest(
            f"the panels take {size} bytes; a dashboard has {MOST_BYTES}: "
            "part it into several"
        )


def _check_panel(panel: DashboardPanel) -> None:
    name = f"panel {panel.panel}"
    if not (
        panel.x >= 0
        and panel.w >= 1
        and panel.x + panel.w <= COLUMNS
        and panel.y >= 0
        and panel.h >= 1
        and panel.y + panel.h <= MOST_ROWS
    ):
        raise InvalidRequest(
            f"{name} does not lie on the grid of {COLUMNS} columns and {MOST_ROWS} rows"
        )
    check_name(f"the title of {name}", panel.title)
    _check_length(f"the unit of {name}", panel.unit, LONGEST_UNIT)
    _check_scale(name, panel)
    if panel.labels is not None:
        read_selector(panel.labels)
    if panel.series and panel.kind not in _WITH_SERIES:
        raise InvalidRequest(f"{name} shows {panel.kind}: it has no series")
    if panel.labels is not None and panel.kind in _WITH_SERIES:
        raise InvalidRequest(f"{name} shows a {panel.kind}: give labels to its series")
    if len(panel.series) > MOST_SERIES:
        raise InvalidRequest(
            f"{name} has {len(panel.series)} series; it may have {MOST_SERIES}"
        )
    for series in panel.series:
        _check_series(name, series)


def _check_scale(name: str, panel: DashboardPanel) -> None:
    for end in (panel.low, panel.high):
        if end is not None and not (math.isfinite(end) and abs(end) <= LARGEST):
            raise InvalidRequest(f"the scale of {name} must begin and end at numbers")
    if panel.low is not None and panel.high is not None and panel.low >= panel.high:
        raise InvalidRequest(f"the scale of {name} must begin below its end")


def _check_series(name: str, series: PanelSeries) -> None:
    _check_length(f"a tag of {name}", series.tag, LONGEST_TAG)
    if not series.tag:
        raise InvalidRequest(f"a series of {name} names no tag")
    if (series.device is None) == (series.labels is None):
        raise InvalidRequest(
            f"series {series.tag} of {name} must name either a device or labels"
        )
    if series.device is not None:
        check_id("device", series.device)
    if series.labels is not None:
        read_selector(series.labels)


def _check_length(field: str, text: str, longest: int) -> None:
    check_name(field, text)
    if len(text) > longest:
        raise InvalidRequest(f"{field} must have at most {longest} characters")


def panels_text(panels: Sequence[DashboardPanel]) -> str:
    """As they are kept: JSON."""
    return json.dumps([asdict(panel) for panel in panels], ensure_ascii=False)


def check_revision(
    dashboard: str, if_revision: int | None, revision: int, who: str, at_ms: int
) -> None:
    """Raises ``DashboardChanged`` if somebody changed it since, naming who."""
    if if_revision is not None and if_revision != revision:
        raise DashboardChanged(
            f"dashboard {dashboard} was changed meanwhile by {who}: it is at revision "
            f"{revision}, not {if_revision}: look at it again",
            revision=revision,
            changed_by=who,
            changed_at_ms=at_ms,
        )


def check_delete(dashboard: str, made_by: str, who: str, role: Role) -> None:
    """Raises ``NotPermitted`` unless it is theirs, or the project is."""
    if role is not Role.OWNER and who != made_by:
        raise NotPermitted(
            f"dashboard {dashboard} was made by {made_by}: only they and owners of "
            "the project may delete it"
        )
