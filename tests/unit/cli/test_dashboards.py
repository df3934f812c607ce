"""Dashboards read from files: what `show` prints is what `save` takes."""

import json
from pathlib import Path

import msgspec
import pytest

from heddle.cli.dashboards import BadDashboardFile, read_dashboard
from heddle.contract.dashboards import Dashboard, DashboardPanel, PanelKind

SHOP = Dashboard(
    dashboard="shop",
    title="Shop",
    description="",
    span_ms=60_000,
    panels=(DashboardPanel(panel="a", kind=PanelKind.ALARMS, x=0, y=0, w=6, h=4),),
    revision=3,
    created_at_ms=1,
    created_by="ann",
    changed_at_ms=2,
    changed_by="bea",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "shop.json"
    found.write_bytes(msgspec.json.encode(SHOP))
    return found


def test_a_file_is_saved_only_if_nobody_changed_it_since(file: Path) -> None:
    wanted = read_dashboard(file, None, force=False)
    assert (wanted.dashboard, wanted.if_revision) == ("shop", 3)
    assert wanted.panels == SHOP.panels
    assert read_dashboard(file, None, force=True).if_revision is None


def test_saved_as_another_one_it_has_no_revision(file: Path) -> None:
    wanted = read_dashboard(file, "other", force=False)
    assert (wanted.dashboard, wanted.if_revision) == ("other", None)


@pytest.mark.parametrize(
    "text", ["[]", "{", json.dumps({"title": 5}), json.dumps({"panels": [{}]})]
)
def test_what_is_no_dashboard_is_told_with_its_file(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(BadDashboardFile, match=r"shop\.json holds no dashboard"):
        read_dashboard(file, None, force=False)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadDashboardFile, match="No such file"):
        read_dashboard(tmp_path / "none.json", None, force=False)
