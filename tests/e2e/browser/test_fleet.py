"""The fleet and one device, as an operator uses them in a real browser."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.conftest import shoot
from tests.support.stack import RunningStack, agent_process

pytestmark = pytest.mark.timeout(400)

PRESS = "fleet_press"


def row(page: Page, device: str) -> Locator:
    return page.locator(f'[data-testid="device-row"][data-device="{device}"]')


def choose(page: Page, device: str) -> None:
    row(page, device).locator("input[type=checkbox]").check()


def outcome(page: Page, device: str) -> Locator:
    return page.locator(f'[data-testid="result-row"][data-device="{device}"]')


def close_results(page: Page, name: str = "") -> None:
    expect(page.get_by_test_id("outcomes")).to_have_attribute("data-over", "true")
    if name:
        shoot(page, name)
    page.get_by_test_id("results-close").click()
    expect(page.get_by_test_id("results")).to_have_count(0)


def code_of_a_new_device(page: Page, device: str) -> str:
    page.get_by_test_id("add-device").click()
    page.get_by_test_id("enrol-device").fill(device)
    page.get_by_test_id("enrol-submit").click()
    code = page.get_by_test_id("code").input_value()
    expect(page.get_by_test_id("code-line")).to_have_value(
        re.compile(f"AGENT_CODE={re.escape(code)} AGENT_ROUTER_URL=ws://")
    )
    shoot(page, "fleet-code")
    page.keyboard.press("Escape")
    return code


@contextmanager
def agent_of(
    stack: RunningStack, code: str, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The agent of a device to come; it ends when it is decommissioned."""
    settings = {
        "AGENT_ROUTER_URL": stack.router,
        "AGENT_DATA": str(folder / "agent"),
        "AGENT_CODE": code,
        "AGENT_KIND": "edge",
        "AGENT_RUNTIME": "process",
    }
    agent = agent_process(folder / "agent.log", settings)
    try:
        yield agent
    finally:
        if agent.poll() is None:
            agent.terminate()
        agent.wait(60)


def test_a_device_is_added_found_labelled_commanded_and_taken_out(
    operate: Callable[[str], Page], stack: RunningStack, tmp_path: Path
) -> None:
    page = operate("#/devices")
    expect(row(page, "virtual_1")).to_have_attribute("data-online", "true")
    with agent_of(stack, code_of_a_new_device(page, PRESS), tmp_path) as agent:
        expect(row(page, PRESS)).to_have_attribute("data-online", "true")
        label_and_find(page)
        command_both(page)
        take_out(page)
        assert agent.wait(60) == 0
    expect(row(page, PRESS)).to_have_count(0)


def label_and_find(page: Page) -> None:
    page.get_by_test_id("search").press_sequentially("fleet_PR")
    expect(page.get_by_test_id("device-row")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=fleet_PR"))
    expect(page.get_by_test_id("search")).to_have_value("fleet_PR")
    choose(page, PRESS)
    page.get_by_test_id("fleet-label").click()
    page.get_by_test_id("label-change").fill('site=graz line="hall 2" spare')
    page.get_by_test_id("label-submit").click()
    expect(page.get_by_test_id("outcome-done")).to_contain_text("1")
    close_results(page)
    expect(row(page, PRESS)).to_contain_text("site=graz")
    page.get_by_test_id("clear-filters").click()
    expect(row(page, "virtual_1")).to_be_visible()
    page.get_by_test_id("labels").fill("site=graz and not line=a")
    expect(row(page, "virtual_1")).to_have_count(0)
    expect(row(page, PRESS)).to_be_visible()
    page.get_by_test_id("labels").fill("site==(")
    expect(page.get_by_test_id("labels-problem")).to_contain_text("selector")
    shoot(page, "fleet-selector-refused")
    page.get_by_test_id("clear-filters").click()
    page.get_by_test_id("kind").select_option("edge")
    expect(row(page, "virtual_1")).to_have_count(0)
    page.get_by_test_id("show-offline").click()
    expect(page.get_by_test_id("none-fits")).to_be_visible()
    page.get_by_test_id("clear-filters").click()


def command_both(page: Page) -> None:
    choose(page, "virtual_1")
    choose(page, PRESS)
    expect(page.get_by_test_id("selected")).to_have_attribute("data-count", "2")
    shoot(page, "fleet-selected")
    page.get_by_test_id("fleet-start").click()
    page.get_by_test_id("command-flow").select_option("bioreactor")
    expect(page.get_by_test_id("command-expect")).to_contain_text("2 devices are told")
    shoot(page, "fleet-command")
    page.get_by_test_id("command-submit").click()
    expect(outcome(page, "virtual_1")).to_have_attribute("data-outcome", "done")
    refused = outcome(page, PRESS)
    expect(refused).to_have_attribute("data-outcome", "refused")
    expect(refused).to_contain_text("not installed")
    close_results(page, "fleet-results")
    run = row(page, "virtual_1").get_by_test_id("device-run")
    expect(run).to_have_attribute("data-status", "running")
    page.get_by_test_id("show-running").click()
    expect(page.get_by_test_id("device-row")).to_have_count(1)
    page.get_by_test_id("fleet-stop").click()
    page.get_by_test_id("command-mode").select_option("hard")
    page.get_by_test_id("command-submit").click()
    expect(outcome(page, "virtual_1")).to_have_attribute("data-outcome", "done")
    close_results(page)
    expect(page.get_by_test_id("show-running")).to_have_attribute("data-count", "0")
    page.get_by_test_id("show-all").click()


def take_out(page: Page) -> None:
    page.get_by_test_id("search").fill(PRESS)
    expect(page.get_by_test_id("device-row")).to_have_count(1)
    choose(page, PRESS)
    page.get_by_test_id("fleet-decommission").click()
    page.get_by_test_id("decommission-force").check()
    shoot(page, "fleet-decommission")
    page.get_by_test_id("decommission-submit").click()
    expect(outcome(page, PRESS)).to_have_attribute("data-outcome", "done")
    close_results(page)
    page.get_by_test_id("clear-filters").click()


def test_every_part_of_a_device(operate: Callable[[str], Page]) -> None:
    page = operate("#/devices")
    shoot(page, "fleet")
    row(page, "virtual_1").get_by_role("link", name="virtual_1").click()
    device = page.get_by_test_id("device")
    expect(device).to_have_attribute("data-stale", "false")
    temperature = page.locator('[data-tag="temperature"]').get_by_test_id("value")
    expect(temperature).to_have_text(re.compile(r"\d"))
    shoot(page, "device-overview")
    see_values(page)
    see_runs(page)
    see_containers_and_data(page)
    see_logs(page)
    see_facts(page)


def turn_to(page: Page, part: str) -> None:
    page.get_by_role("navigation", name="Parts").get_by_role("link", name=part).click()
    expect(page).to_have_url(re.compile(f"tab={part.lower()}"))


def see_values(page: Page) -> None:
    turn_to(page, "Values")
    value = page.locator('[data-testid="value-row"][data-tag="temperature"]')
    expect(value.get_by_test_id("value-now")).to_have_text(re.compile(r"\d"))
    shoot(page, "device-values")
    page.get_by_test_id("values-show").select_option("writable")
    expect(value).to_have_count(0)
    page.get_by_test_id("search").fill("stirrer")
    expect(page.get_by_test_id("value-row")).to_have_count(1)
    page.get_by_test_id("search").fill("")
    page.get_by_test_id("values-show").select_option("")
    page.get_by_test_id("as-charts").click()
    expect(page.locator('figure[data-tag="temperature"]')).to_be_visible()
    shoot(page, "device-charts")


def see_runs(page: Page) -> None:
    turn_to(page, "Runs")
    installed = page.locator('[data-testid="flow-row"][data-flow="bioreactor"]')
    expect(installed).to_have_attribute("data-state", "ready")
    expect(page.get_by_test_id("run-row").first).to_be_visible()
    shoot(page, "device-runs")
    installed.get_by_test_id("remove-flow").click()
    expect(page.get_by_test_id("remove")).to_contain_text("bioreactor")
    page.keyboard.press("Escape")


def see_containers_and_data(page: Page) -> None:
    turn_to(page, "Containers")
    engine = page.locator('[data-testid="engine-row"][data-flow="bioreactor"]')
    expect(engine).to_have_attribute("data-state", "ready")
    shoot(page, "device-containers")
    page.get_by_test_id("restart").click()
    expect(page.get_by_test_id("restart-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    turn_to(page, "Data")
    expect(page.get_by_test_id("stream-row")).to_have_count(4)
    expect(page.get_by_test_id("waiting-items").first).to_have_text(re.compile(r"\d"))
    expect(page.get_by_test_id("complete")).to_have_attribute("data-complete", "true")
    shoot(page, "device-data")


def see_logs(page: Page) -> None:
    turn_to(page, "Logs")
    enrolled = page.get_by_test_id("log-line").filter(has_text="is online in")
    expect(enrolled.first).to_be_visible()
    shoot(page, "device-logs")
    page.get_by_test_id("search").fill("presence")
    expect(page.locator('[data-testid="log-line"][data-level="warn"]')).to_have_count(0)
    page.get_by_test_id("search").fill("")
    page.get_by_test_id("log-level").select_option("warn")
    expect(page.locator('[data-testid="log-line"][data-level="info"]')).to_have_count(0)


def see_facts(page: Page) -> None:
    turn_to(page, "Facts")
    page.get_by_test_id("edit-labels").click()
    page.get_by_test_id("label-change").fill("hall=3")
    page.get_by_test_id("label-submit").click()
    close_results(page)
    expect(page.get_by_test_id("device-labels")).to_contain_text("hall=3")
    shoot(page, "device-facts")
    page.get_by_test_id("edit-labels").click()
    page.get_by_test_id("label-change").fill("-hall")
    page.get_by_test_id("label-submit").click()
    close_results(page)
    expect(page.get_by_test_id("device-labels")).not_to_contain_text("hall=3")
    page.get_by_test_id("rotate-key").click()
    expect(page.get_by_test_id("rotate-dialog")).to_contain_text("virtual_1")
