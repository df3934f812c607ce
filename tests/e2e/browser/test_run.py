"""Runs as people watch, steer and replay them; also those a device has forgotten."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.conftest import SLOW_MS, shoot
from tests.support.stack import RunningStack, unhurried_flow

pytestmark = pytest.mark.timeout(400)

FLOW = "watched"
ON = "virtual_1"
LONG_MS = 1_000_000_000


@pytest.fixture
def watched(stack: RunningStack, tmp_path: Path) -> Iterator[str]:
    """A run on the device that goes on until somebody ends it; its id."""
    file = unhurried_flow(tmp_path / f"{FLOW}.json")
    definition = json.loads(file.read_text())
    for one in definition["elements"]:
        if one.get("type") == "TIMER":
            one["durationInMS"] = LONG_MS
    file.write_text(json.dumps(definition))
    stack.ask("flow", "install", str(file), "--device", ON)
    run = stack.ask("run", "start", FLOW, "--device", ON)["run"]
    yield run
    installed = stack.ask("flow", "list", "--device", ON)["flows"]
    if any(one["flow"] == FLOW for one in installed):
        forget(stack)


def forget(stack: RunningStack) -> None:
    """The device forgets the flow and its runs; whatever goes on is ended first."""
    stack.end_runs(ON, flow=FLOW)
    stack.ask("flow", "remove", FLOW, "--device", ON)


def element(page: Page, kind: str, name: str) -> Locator:
    return page.locator(f'[data-testid="{kind}"][data-element-id="{name}"]')


def expect_status(page: Page, status: str) -> None:
    expect(page.get_by_test_id("run-status")).to_have_attribute("data-status", status)


def expect_lit(page: Page, phase: str, lit: str = "true") -> None:
    expect(element(page, "phase", phase)).to_have_attribute("data-active", lit)


def command(page: Page, name: str) -> None:
    button = page.get_by_test_id(name)
    expect(button).to_be_enabled()
    button.click()


def event(page: Page, kind: str) -> Locator:
    return page.locator(f'[data-testid="event"][data-type="{kind}"]')


def mark(page: Page, kind: str) -> Locator:
    return page.locator(f'[data-testid="mark"][data-kind="{kind}"]')


def row(page: Page, run: str) -> Locator:
    return page.locator(f'[data-testid="runs-row"][data-run="{run}"]')


def expect_at(page: Page, count: int) -> None:
    expect(page.get_by_test_id("position")).to_have_attribute("data-count", str(count))


def count_of(page: Page) -> int:
    return int(page.get_by_test_id("position").get_attribute("data-all") or 0)


def test_a_run_is_found_watched_steered_and_replayed(
    stack: RunningStack, watched: str, operate: Callable[[str], Page]
) -> None:
    page = operate(f"#/runs?flow={FLOW}&state=active")
    expect(row(page, watched)).to_have_attribute("data-active", "true")
    shoot(page, "runs")
    row(page, watched).get_by_role("link").first.click()
    expect(page.get_by_test_id("run")).to_have_attribute("data-run", watched)
    steer(page)
    replay(page)
    shoot(page, "run-replay")
    stack.ask("flow", "remove", FLOW, "--device", ON)
    forgotten(page, watched)


def steer(page: Page) -> None:
    """Pause, resume, trigger, approve with a comment, stop; all of it is seen."""
    expect_status(page, "running")
    expect_lit(page, "phase_1")
    expect(page.get_by_test_id("waiting")).to_contain_text("left")
    command(page, "pause")
    expect_status(page, "paused")
    expect(mark(page, "pause")).to_have_count(1)
    command(page, "resume")
    expect_status(page, "running")
    command(page, "trigger")
    page.get_by_test_id("trigger-listener").select_option("eventListener_2")
    page.get_by_test_id("trigger-confirm").click()
    expect_lit(page, "phase_2")
    approve(page)
    command(page, "stop")
    page.get_by_test_id("stop-hard").click()
    expect_status(page, "terminated")


def approve(page: Page) -> None:
    """By the listener in the graph, with a comment."""
    expect(event(page, "EVENT_RECEIVED").first).to_contain_text("triggered by hand")
    shoot(page, "run-live")
    element(page, "listener-mark", "eventListener_3").press("Enter")
    expect(page.get_by_test_id("approve-listener")).to_have_value("eventListener_3")
    page.get_by_test_id("approve-comment").fill("seen and good")
    page.get_by_test_id("approve-confirm").click()
    expect_lit(page, "phase_2", "false")
    expect(page.get_by_test_id("events")).to_contain_text("seen and good")
    expect(mark(page, "approval")).to_have_count(1)
    expect(page.locator('[data-testid="bar"][data-phase="phase_2"]')).to_have_count(1)
    expect(
        page.locator('[data-testid="track"][data-tag="temperature"]')
    ).to_be_visible()


def replay(page: Page) -> None:
    """By the slider, by keys, and with the time."""
    expect(page.get_by_test_id("run")).to_have_attribute("data-replayed", "false")
    paused = event(page, "WORKFLOW_PAUSED")
    place = int(paused.get_attribute("data-number") or 0) + 1
    page.get_by_test_id("slider").fill(str(place))
    expect_status(page, "paused")
    expect_lit(page, "phase_1")
    expect(page.get_by_test_id("pause")).to_be_disabled()
    expect(page.get_by_test_id("shown-moment")).to_have_count(1)
    expect(paused).to_have_attribute("aria-current", "true")
    page.get_by_test_id("slider").press("ArrowLeft")
    expect_at(page, place - 1)
    expect_status(page, "running")
    page.get_by_test_id("run").get_by_role("heading", level=1).click()
    page.keyboard.press("ArrowRight")
    expect_at(page, place)
    play(page)


def play(page: Page) -> None:
    """From the beginning with the time; a click on an event leads to its moment."""
    page.keyboard.press("Home")
    expect_at(page, 0)
    expect_status(page, "ready")
    page.get_by_test_id("speed").select_option("600")
    page.get_by_test_id("play").click()
    expect_at(page, count_of(page))
    expect_status(page, "terminated")
    approved = event(page, "EVENT_RECEIVED").filter(has_text="seen and good")
    approved.get_by_role("button").click()
    expect(approved).to_have_attribute("aria-current", "true")
    expect(page.get_by_test_id("run")).to_have_attribute("data-replayed", "true")


def forgotten(page: Page, run: str) -> None:
    """What is stored is all there still, and the replay works."""
    page.reload()
    expect(page.get_by_text("no longer knows this run")).to_be_visible()
    expect_status(page, "terminated")
    expect(page.locator('[data-testid="lane"]').first).to_be_visible()
    page.get_by_test_id("previous").click()
    expect_at(page, count_of(page) - 1)
    expect(page.get_by_test_id("run")).to_have_attribute("data-run", run)


def test_a_run_ends_and_another_like_it_is_started(
    stack: RunningStack, watched: str, operate: Callable[[str], Page]
) -> None:
    page = operate(f"#/devices/{ON}/runs/{watched}")
    expect_lit(page, "phase_1")
    stack.ask("run", "stop", watched, "--hard", "--device", ON)
    expect_status(page, "terminated")
    command(page, "again")
    expect_status(page, "running")
    again = page.get_by_test_id("run").get_attribute("data-run")
    assert again != watched
    (listed,) = stack.ask("run", "list", "--flow", FLOW, "--active")["runs"]
    assert (listed["run"], listed["device"]) == (again, ON)
    page.goto(f"{stack.page}#/runs?flow={FLOW}")
    expect(row(page, again or "")).to_have_attribute("data-status", "running")
    expect(row(page, watched)).to_have_attribute("data-status", "terminated")
    page.get_by_test_id("runs-state").select_option("terminated")
    expect(row(page, again or "")).to_have_count(0)
    expect(page).to_have_url(re.compile("state=terminated"))


def test_an_unknown_run_is_said_to_be_unknown(
    stack: RunningStack, operate: Callable[[str], Page]
) -> None:
    page = operate(f"#/devices/{ON}/runs/no_such_run")
    expect(page.get_by_test_id("unknown-run")).to_be_visible(timeout=SLOW_MS)
