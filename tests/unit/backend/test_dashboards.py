"""What a dashboard may be, who may change it, and which tags are found."""

from dataclasses import replace
from typing import Any

import pytest

from heddle.contract.dashboards import (
    MOST_PANELS,
    MOST_SERIES,
    DashboardChanged,
    DashboardPanel,
    FindTags,
    PanelKind,
    PanelSeries,
    SaveDashboard,
)
from heddle.contract.declare import FleetError, InvalidId, NotPermitted, Role
from heddle.contract.devices import SelectorInvalid, TagType
from services.backend.dashboards.rules import check, check_delete, check_revision
from services.backend.dashboards.tags import found
from services.backend.store.dashboards import AnnouncedRow

SERIES = PanelSeries(tag="temperature", device="press_7")
CHART = DashboardPanel(
    panel="oil", kind=PanelKind.CHART, x=0, y=0, w=6, h=4, series=(SERIES,)
)


def dashboard(*panels: DashboardPanel, **fields: Any) -> SaveDashboard:
    return SaveDashboard(
        **{"dashboard": "shop", "title": "Shop", "panels": panels, **fields}
    )


def test_a_dashboard_of_every_kind_of_panel_may_be_saved() -> None:
    by_labels = PanelSeries(tag="temperature", labels="site=graz and not spare")
    check(
        dashboard(
            replace(CHART, series=(SERIES, by_labels), low=0.0, high=40.0, unit="°C"),
            replace(CHART, panel="v", kind=PanelKind.VALUE, x=6),
            replace(CHART, panel="a", kind=PanelKind.ALARMS, y=4, series=()),
            replace(CHART, panel="r", kind=PanelKind.RUNS, labels="a", series=()),
        )
    )


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (dashboard(title=" "), "title is empty"),
        (dashboard(title="a\nb"), "title must be one line"),
        (dashboard(description="x" * 5000), "description must be at most"),
        (dashboard(span_ms=1), "span_ms must be"),
        (dashboard(CHART, CHART), "there are two panels oil"),
        (dashboard(replace(CHART, x=7)), "panel oil does not lie on the grid"),
        (dashboard(replace(CHART, h=0)), "panel oil does not lie on the grid"),
        (dashboard(replace(CHART, y=-1)), "panel oil does not lie on the grid"),
        (dashboard(replace(CHART, low=5.0, high=5.0)), "begin below its end"),
        (dashboard(replace(CHART, low=float("nan"))), "begin and end at numbers"),
        (dashboard(replace(CHART, unit="x" * 65)), "at most 64 characters"),
        (dashboard(replace(CHART, kind=PanelKind.RUNS)), "it has no series"),
        (dashboard(replace(CHART, labels="a")), "give labels to its series"),
        (dashboard(replace(CHART, series=(SERIES,) * 21)), "it may have 20"),
        (dashboard(replace(CHART, series=(PanelSeries(tag="t"),))), "either a device"),
        (
            dashboard(replace(CHART, series=(replace(SERIES, labels="a"),))),
            "either a device or labels",
        ),
        (dashboard(replace(CHART, series=(replace(SERIES, tag=""),))), "names no tag"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_naming_it(
    wanted: SaveDashboard, sentence: str
) -> None:
    with pytest.raises(FleetError, match=sentence):
        check(wanted)


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (dashboard(dashboard="Shop"), InvalidId),
        (dashboard(replace(CHART, panel="a b")), InvalidId),
        (dashboard(replace(CHART, series=(replace(SERIES, device="../"),))), InvalidId),
        (
            dashboard(
                replace(CHART, series=(PanelSeries(tag="t", labels="a and"),)),
            ),
            SelectorInvalid,
        ),
    ],
)
def test_ids_and_selectors_are_checked(
    wanted: SaveDashboard, error: type[FleetError]
) -> None:
    with pytest.raises(error):
        check(wanted)


def test_it_is_bounded_in_panels_and_in_bytes() -> None:
    many = [replace(CHART, panel=f"p{n}") for n in range(MOST_PANELS + 1)]
    check(dashboard(*many[:-1]))
    with pytest.raises(FleetError, match="at most 50 panels, not 51"):
        check(dashboard(*many))
    long = replace(
        CHART, series=(PanelSeries(tag="t" * 200, device="press_7"),) * MOST_SERIES
    )
    with pytest.raises(FleetError, match="part it into several"):
        check(dashboard(*(replace(long, panel=f"p{n}") for n in range(MOST_PANELS))))


def test_a_conflict_names_who_came_first() -> None:
    check_revision("shop", None, 3, "ann", 5)
    check_revision("shop", 3, 3, "ann", 5)
    with pytest.raises(DashboardChanged, match="meanwhile by ann: it is at") as told:
        check_revision("shop", 2, 3, "ann", 5)
    assert told.value.details == {
        "revision": 3,
        "changed_by": "ann",
        "changed_at_ms": 5,
    }


def test_who_made_it_and_owners_may_delete_it() -> None:
    check_delete("shop", "ann", "ann", Role.OPERATOR)
    check_delete("shop", "ann", "bea", Role.OWNER)
    with pytest.raises(NotPermitted, match="made by ann"):
        check_delete("shop", "ann", "bea", Role.OPERATOR)


def tag(name: str, unit: str = "", **fields: Any) -> dict[str, Any]:
    return {"tag": name, "unit": unit, "type": "float", "writable": False, **fields}


ANNOUNCED = [
    AnnouncedRow("a_1", {"tags": [tag("Oil", "°C"), tag("level", "%")]}),
    AnnouncedRow(
        "b_2", {"tags": [tag("Oil", "K"), tag("level", "%"), tag("x", type="text")]}
    ),
]


def names(request: FindTags) -> list[tuple[str, str, tuple[str, ...], int]]:
    tags = found(ANNOUNCED, request).tags
    return [(one.tag, one.unit, one.devices, one.count) for one in tags]


def test_tags_are_found_by_name_with_the_devices_that_have_them() -> None:
    assert names(FindTags()) == [
        ("Oil", "K", ("b_2",), 1),
        ("Oil", "°C", ("a_1",), 1),
        ("level", "%", ("a_1", "b_2"), 2),
        ("x", "", ("b_2",), 1),
    ]
    assert [name for name, *_ in names(FindTags(search="oIl"))] == ["Oil", "Oil"]
    assert [name for name, *_ in names(FindTags(search="a_1"))] == ["Oil", "level"]
    assert names(FindTags(tag="x")) == [("x", "", ("b_2",), 1)]
    assert found(ANNOUNCED, FindTags(tag="x")).tags[0].type is TagType.TEXT


def test_a_page_of_tags_ends_between_two_names() -> None:
    first = found(ANNOUNCED, FindTags(most=1))
    assert ([one.tag for one in first.tags], first.more) == (["Oil", "Oil"], True)
    rest = found(ANNOUNCED, FindTags(after="Oil", most=2))
    assert ([one.tag for one in rest.tags], rest.more) == (["level", "x"], False)
