"""The page as an operator uses it, in a real browser, on a whole stack."""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.browser.conftest import SLOW_MS, shoot
from tests.support.stack import EXAMPLE, PROCESSES, RunningStack, unhurried_flow

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def unhurried(stack: RunningStack, tmp_path: Path) -> Iterator[None]:
    """Phase 2 of the device's flow lasts until somebody approves."""
    flow = unhurried_flow(tmp_path / "bioreactor.json", phase_1_s=100)
    stack.ask("flow", "install", str(flow))
    yield
    stack.ask("flow", "install", str(EXAMPLE))


@pytest.fixture
def page(operate: Callable[[str], Page], stack: RunningStack) -> Iterator[Page]:
    """At the device; its run is ended afterwards."""
    page = operate("#/devices/virtual_1")
    expect(page.get_by_test_id("device")).to_have_attribute("data-device", "virtual_1")
    yield page
    stack.end_runs()


def expect_status(page: Page, status: str) -> None:
    expect(page.get_by_test_id("run-status").first).to_have_attribute(
        "data-status", status, timeout=SLOW_MS
    )


def phase(page: Page, name: str):
    return page.locator(f'[data-testid="phase"][data-element-id="{name}"]')


def expect_lit(page: Page, name: str) -> None:
    expect(phase(page, name)).to_have_attribute("data-active", "true", timeout=SLOW_MS)


def command(page: Page, name: str) -> None:
    button = page.get_by_test_id(name)
    expect(button).to_be_enabled(timeout=SLOW_MS)
    button.click()


def test_a_wrong_password_is_told_in_a_sentence(stack, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(stack.page)
    page.get_by_test_id("user").fill("admin")
    page.get_by_test_id("password").fill("not it")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("sign-in-problem")).to_contain_text("wrong")


def test_a_run_is_started_paused_resumed_approved_and_finished(
    unhurried, page, stack
) -> None:
    command(page, "start")
    expect_status(page, "running")
    expect_lit(page, "phase_1")
    command(page, "pause")
    expect_status(page, "paused")
    expect(page.locator('[data-type="WORKFLOW_PAUSED"]')).to_have_count(1)
    events = page.get_by_test_id("events")
    told = events.get_attribute("data-count")
    page.wait_for_timeout(11_000)  # longer than phase 1 lasts on this device
    expect(events).to_have_attribute("data-count", told or "")
    expect_lit(page, "phase_1")
    command(page, "resume")
    expect_lit(page, "phase_2")
    command(page, "approve")
    page.get_by_test_id("approve-comment").fill("seen and good")
    page.get_by_test_id("approve-confirm").click()
    expect_lit(page, "phase_3")
    expect_lit(page, "phase_5")
    shoot(page, "run")
    expect(page.get_by_test_id("run-status").first).to_have_attribute(
        "data-status", "finished", timeout=150_000
    )
    rows = page.locator('[data-testid="event"][data-type="WORKFLOW_FINISHED"]')
    expect(rows).to_have_count(1)
    gateway = page.locator('[data-testid="gateway"][data-element-id="gateway_2"]')
    expect(gateway).to_have_attribute("data-activations", "3")


def test_stop_ends_a_run(page) -> None:
    command(page, "start")
    expect_lit(page, "phase_1")
    command(page, "stop")
    page.get_by_test_id("stop-hard").click()
    expect_status(page, "terminated")


def test_what_others_do_is_seen_at_once(page, stack) -> None:
    run = stack.ask("run", "start", "bioreactor")["run"]
    expect_lit(page, "phase_1")
    stack.ask("run", "stop", run, "--hard")
    expect_status(page, "terminated")


def test_live_values_move(page) -> None:
    value = page.locator('[data-tag="temperature"]').get_by_test_id("value")
    expect(value).to_have_text(re.compile(r"\d"), timeout=SLOW_MS)
    before = value.inner_text()
    expect(value).not_to_have_text(before, timeout=SLOW_MS)
    expect(page.get_by_test_id("stale")).to_have_count(0)
    # what does not move is known from fleetdata's latest values
    setpoint = page.locator('[data-tag="temperature"] .setpoint')
    expect(setpoint).to_have_text(re.compile(r"\d"), timeout=SLOW_MS)


def test_the_page_says_that_it_is_cut_off_and_comes_back(page, stack) -> None:
    expect(page.get_by_test_id("connection")).to_have_attribute(
        "data-state", "connected"
    )
    stack.process.send_signal(signal.SIGSTOP)  # nobody starts the router again
    try:
        stack.child("crossbar").kill()
        expect(page.get_by_test_id("connection")).to_have_attribute(
            "data-state", "disconnected", timeout=SLOW_MS
        )
        expect(page.get_by_test_id("banner")).to_be_visible()
        shoot(page, "cut-off")
    finally:
        stack.process.send_signal(signal.SIGCONT)
    expect(page.get_by_test_id("connection")).to_have_attribute(
        "data-state", "connected", timeout=60_000
    )
    expect(page.get_by_test_id("device")).to_have_attribute(
        "data-stale", "false", timeout=SLOW_MS
    )
    command(page, "start")
    expect_lit(page, "phase_1")


def test_the_page_follows_a_run_over_the_death_of_every_process(page, stack) -> None:
    command(page, "start")
    expect_lit(page, "phase_1")
    for process in PROCESSES.values():
        stack.kill(process)
    expect(page.get_by_test_id("connection")).to_have_attribute(
        "data-state", "connected", timeout=60_000
    )
    expect(page.get_by_test_id("run-status").first).to_have_attribute(
        "data-status", "finished", timeout=150_000
    )
    expect(page.get_by_test_id("device")).to_have_attribute(
        "data-stale", "false", timeout=SLOW_MS
    )
    (run, *_) = stack.ask("run", "status")["runs"]
    expect(page.get_by_test_id("events")).to_have_attribute(
        "data-count", str(run["events"]), timeout=SLOW_MS
    )


def test_signing_out_forgets_the_ticket(page, stack) -> None:
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
