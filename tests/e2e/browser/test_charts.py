"""Charts and dashboards as operators use them, in a real browser, on a whole stack."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.conftest import SLOW_MS, shoot, sign_in
from tests.support.stack import EXAMPLE, RunningStack

pytestmark = pytest.mark.timeout(400)

DEVICE = ("--device", "virtual_1")
RULES = """
[[rules]]
alarm = "charts_warm"
tag = "temperature"
kind = "hi"
limit = -200.0
severity = "low"
text = "For the marks of a chart."
"""
NUMBER = re.compile(r"\d")
SOME = re.compile(r"^[1-9]")


@pytest.fixture(scope="module")
def busy(
    stack: RunningStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """An alarm came up on the device, and a run is in its phases."""
    rules = tmp_path_factory.mktemp("charts") / "rules.toml"
    rules.write_text(RULES)
    stack.ask("flow", "install", str(EXAMPLE), *DEVICE)
    stack.ask("alarm", "set", str(rules), *DEVICE)
    stack.end_runs()
    stack.ask("run", "start", "bioreactor", *DEVICE)
    yield
    stack.end_runs()
    stack.ask("alarm", "remove", "charts_warm", *DEVICE)


def pick(page: Page, *tags: str) -> None:
    """In the open picker, tags of the device by their names."""
    for tag in tags:
        page.get_by_test_id("search-tags").fill(tag)
        branch = page.locator(f'[data-testid="tag-branch"][data-name="{tag}"]')
        expect(branch).to_be_visible()
        if branch.get_attribute("aria-expanded") != "true":
            branch.click()
        page.locator(
            f'[data-testid="tag-leaf"][data-device="virtual_1"][data-tag="{tag}"]'
        ).check()
    page.get_by_test_id("tags-done").click()


def legend(page: Page, tag: str) -> Locator:
    return page.locator(f'[data-testid="legend-value"][data-series="virtual_1:{tag}"]')


def drag(page: Page, target: Locator, right: int, down: int = 0) -> None:
    target.hover()  # waits until it stands still
    box = target.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.down()
    page.mouse.move(x + right / 2, y + down / 2, steps=4)
    page.mouse.move(x + right, y + down, steps=4)
    page.mouse.up()


def test_tags_are_picked_looked_at_closely_followed_and_exported(
    busy, operate: Callable[[str], Page]
) -> None:
    page = operate("#/charts")
    expect(page.get_by_test_id("nothing-picked")).to_be_visible()
    page.get_by_test_id("pick-tags").click()
    _none_is_lost_of_quick_picks(page)
    pick(page, "temperature", "ph")
    chart = page.get_by_test_id("series-chart")
    expect(chart).to_have_attribute("data-live", "true")
    expect(legend(page, "temperature")).to_contain_text("°C")
    expect(legend(page, "ph")).to_contain_text(NUMBER)
    expect(page).to_have_url(re.compile("tags=virtual_1"))
    page.get_by_test_id("span").select_option("60000")
    expect(chart).to_have_attribute("data-bucket", "0")  # every sample
    before = legend(page, "temperature").inner_text()
    expect(legend(page, "temperature")).not_to_have_text(before)
    expect(chart).to_have_attribute("data-alarms", SOME)
    expect(chart).to_have_attribute("data-phases", SOME)
    page.get_by_test_id("chart-marks").locator("summary").click()
    expect(page.get_by_test_id("chart-marks")).to_contain_text("charts_warm")
    shoot(page, "charts")
    _looked_at_closely(page, chart)
    _exported(page)


def _none_is_lost_of_quick_picks(page: Page) -> None:
    """The address keeps what is picked; the second click comes in the same moment."""
    page.get_by_test_id("search-tags").fill("p")
    branches = page.get_by_test_id("tag-branch")
    for tag in ("ph", "temperature"):
        branches.and_(page.locator(f'[data-name="{tag}"]')).click()
    leaves = page.locator('[data-testid="tag-leaf"][data-device="virtual_1"]')
    chosen = page.locator('[data-testid="tag-leaf"]:checked')
    for expected in (2, 0):
        expect(leaves).to_have_count(2)
        leaves.evaluate_all("leaves => leaves.forEach((leaf) => leaf.click())")
        expect(chosen).to_have_count(expected)


def _looked_at_closely(page: Page, chart: Locator) -> None:
    drag(page, page.locator(".u-over"), 200)  # the stack may be half a minute old
    expect(chart).to_have_attribute("data-live", "false")
    expect(page).to_have_url(re.compile(r"from=\d+&to=\d+"))
    picked = page.url
    page.locator(".series-chart .plot").press("ArrowLeft")
    expect(page).not_to_have_url(picked)
    page.locator(".series-chart .plot").press("ArrowRight")
    page.locator(".series-chart .plot").press("ArrowRight")
    closer = page.url
    page.reload()
    expect(chart).to_have_attribute("data-live", "false")
    expect(page).to_have_url(closer)
    expect(legend(page, "temperature")).to_contain_text(NUMBER)
    page.get_by_test_id("zoom-out").click()
    expect(page).not_to_have_url(closer)
    page.go_back()
    expect(page).to_have_url(closer)
    page.get_by_test_id("follow").click()
    expect(chart).to_have_attribute("data-live", "true")
    page.get_by_test_id("span").select_option("31536000000")
    expect(chart).to_have_attribute("data-bucket", re.compile(r"^\d{8,}$"))
    expect(page.get_by_test_id("chart-problem")).to_have_count(0)
    page.get_by_test_id("span").select_option("300000")
    expect(chart).to_have_attribute("data-asking", "false")


def _exported(page: Page) -> None:
    expect(page.locator(".plot[data-points]")).to_be_visible()
    page.get_by_test_id("export").click()
    with page.expect_download(timeout=SLOW_MS) as file:
        page.get_by_test_id("export-csv").click()
    head, *rows = file.value.path().read_text().splitlines()
    assert head == "device,tag,unit,at,value,low,high,quality"
    assert {row.split(",")[1] for row in rows} == {"temperature", "ph"}
    with page.expect_download(timeout=SLOW_MS) as file:
        page.get_by_test_id("export-png").click()
    assert file.value.path().read_bytes().startswith(b"\x89PNG")
    expect(page.get_by_test_id("export-command")).to_contain_text(
        "heddle telemetry export --device virtual_1 --tag temperature --tag ph --from"
    )
    page.keyboard.press("Escape")


def panel(page: Page, name: str) -> Locator:
    return page.locator(f'[data-testid="board-panel"][data-panel="{name}"]')


def test_a_dashboard_is_composed_saved_fought_over_and_shown(
    busy, operate: Callable[[str], Page], stack: RunningStack
) -> None:
    page = operate("#/dashboards")
    page.get_by_test_id("new-dashboard").click()
    page.get_by_test_id("dashboard-title").fill("Charts' own")
    page.get_by_test_id("make-dashboard-submit").click()
    _composed(page)
    page.get_by_test_id("save").click()
    expect(page.get_by_test_id("edit")).to_be_visible()
    page.reload()
    expect(panel(page, "value")).to_have_attribute("data-place", "6,0,3,2")
    expect(panel(page, "chart")).to_have_attribute("data-place", "0,0,5,4")
    _is_live(page)
    _fought_over(page, stack)
    shoot(page, "dashboard")
    page.get_by_test_id("wall").click()
    expect(page.get_by_test_id("dashboard")).to_have_attribute("data-wall", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("edit")).to_be_visible()
    page.get_by_test_id("delete").click()
    page.get_by_test_id("delete-dashboard-submit").click()
    rows = page.get_by_test_id("dashboard-row")
    expect(page.get_by_test_id("no-dashboards").or_(rows.first)).to_be_visible()
    expect(rows.filter(has_text="Mine")).to_have_count(0)
    shoot(page, "dashboards")


def _composed(page: Page) -> None:
    page.get_by_test_id("add-chart").click()
    page.get_by_test_id("panel-pick").click()
    pick(page, "temperature", "ph")
    page.get_by_test_id("panel-dialog-submit").click()
    page.get_by_test_id("add-value").click()
    page.locator("summary", has_text="same tag").click()
    page.get_by_test_id("series-tag").fill("temperature")
    page.get_by_test_id("series-labels").fill("all")
    page.get_by_test_id("series-add").click()
    page.get_by_test_id("panel-dialog-submit").click()
    for kind in ("alarms", "runs"):
        page.get_by_test_id(f"add-{kind}").click()
        page.get_by_test_id("panel-dialog-submit").click()
    expect(page.get_by_test_id("board-panel")).to_have_count(4)
    panel(page, "chart").get_by_test_id("panel-corner").press("ArrowLeft")
    expect(panel(page, "chart")).to_have_attribute("data-place", "0,0,5,4")
    runs = panel(page, "runs")
    place = runs.get_attribute("data-place") or ""
    drag(page, runs.get_by_test_id("panel-handle"), -900, 300)
    expect(runs).not_to_have_attribute("data-place", place)
    shoot(page, "dashboard-edit")


def _is_live(page: Page) -> None:
    value = page.locator('[data-testid="panel-value"][data-device="virtual_1"]')
    expect(value).to_have_text(NUMBER)
    expect(value).to_have_attribute("data-at", re.compile(r"^\d{13}$"))
    at = value.get_attribute("data-at") or ""
    expect(value).not_to_have_attribute("data-at", at)
    expect(
        page.locator('[data-testid="panel-alarm"][data-alarm="charts_warm"]')
    ).to_be_visible()
    expect(page.get_by_test_id("panel-run").first).to_be_visible()
    expect(legend(page, "temperature")).to_contain_text("°C")


def _fought_over(page: Page, stack: RunningStack) -> None:
    """Two people change it at the same time; the second is told, and decides."""
    dashboard = page.get_by_test_id("dashboard").get_attribute("data-dashboard")
    page.get_by_test_id("edit").click()
    page.get_by_test_id("title").fill("Mine")
    with page.context.new_page() as other:
        sign_in(other, stack)
        other.goto(f"{stack.page}#/dashboards/{dashboard}?edit=1")
        other.get_by_test_id("title").fill("Theirs")
        other.get_by_test_id("save").click()
        expect(other.get_by_test_id("edit")).to_be_visible()
    page.get_by_test_id("save").click()
    expect(page.get_by_test_id("conflict")).to_contain_text(
        "admin changed this dashboard"
    )
    page.get_by_test_id("overwrite").click()
    expect(page.get_by_test_id("edit")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mine")
