"""Deployments as an operator makes, watches and steers them, in a real browser."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.conftest import SLOW_MS, shoot, sign_in
from tests.support.stack import EXAMPLE, RunningStack, heddle, second_device

pytestmark = pytest.mark.timeout(600)

FLOW = "dep_brew"
FIRST, SECOND = "dep_press", "virtual_1"  # the first picked is the canary
OLGA, PASSWORD = "dep_olga", "what olga says"
ENDED_MS = 120_000


@pytest.fixture(scope="module")
def plant(
    stack: RunningStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    """The stack with two devices, a flow with two releases, a second operator."""
    folder = tmp_path_factory.mktemp("deployments")
    definition = json.loads(EXAMPLE.read_text())
    definition["variables"] = [{"name": "warm_ms", "type": "integer", "value": 100_000}]
    definition["elements"][1]["durationInMS"] = "${warm_ms}"
    for value in (100_000, 120_000):
        definition["variables"][0]["value"] = value
        file = folder / f"{FLOW}.json"
        file.write_text(json.dumps(definition))
        stack.ask("flow", "save", str(file), "--flow", FLOW, "--revise")
        stack.ask("flow", "publish", FLOW, "--note", f"warm for {value} ms")
    code = stack.ask("user", "invite", "operator", "--user", OLGA)["code"]
    words = ("invitation", "accept", "--url", stack.page, "--user", OLGA, code)
    joined = heddle(
        *(*words, "--password-file", "-"),
        env={"XDG_CONFIG_HOME": str(folder), "HEDDLE_DATA": ""},
        stdin=f"{PASSWORD}\n",
    )
    assert joined.code == 0, joined.err
    with second_device(stack, FIRST, folder, runtime="process"):
        yield stack
        stack.cli("flow", "remove", FLOW, "--device", SECOND)
    stack.ask("user", "remove", OLGA, "--yes")


@pytest.fixture
def page(operate, plant: RunningStack) -> Page:
    return operate("#/deployments")


def fill(page: Page, **written: str) -> None:
    for name, text in written.items():
        page.get_by_test_id(f"new-{name}").fill(text)


def unfold(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_test_id(f"fold-{name}").locator("summary").click()


def pick(page: Page, *devices: str) -> None:
    for device in devices:
        page.get_by_label(f"Select {device}", exact=True).check()


def expect_preview(page: Page, *waves: int) -> None:
    shown = page.get_by_test_id("preview-wave")
    expect(shown).to_have_count(len(waves))
    for number, size in enumerate(waves):
        expect(shown.nth(number)).to_have_attribute("data-devices", str(size))


def expect_status(page: Page, status: str) -> None:
    expect(page.get_by_test_id("deployment-status")).to_have_attribute(
        "data-status", status, timeout=ENDED_MS
    )


def expect_target(page: Page, device: str, status: str) -> None:
    row = page.locator(f'[data-testid="target-row"][data-device="{device}"]')
    expect(row).to_have_attribute("data-status", status, timeout=ENDED_MS)


def make(page: Page) -> str:
    """Press the button; the deployment's id."""
    page.get_by_test_id("create").click()
    made = page.get_by_test_id("deployment")
    expect(made).to_be_visible()
    return made.get_attribute("data-deployment") or ""


def do(page: Page, deed: str, reason: str, meaning: str) -> None:
    page.get_by_test_id(f"deployment-{deed}").click()
    expect(page.get_by_test_id("deed-meaning")).to_contain_text(meaning)
    page.get_by_test_id("deed-reason").fill(reason)
    page.get_by_test_id(f"{deed}-dialog-submit").click()
    expect(page.get_by_test_id(f"{deed}-dialog")).to_have_count(0)


def test_a_canary_is_previewed_approved_watched_paused_and_rolled_back(
    page: Page, plant: RunningStack, browser: Browser
) -> None:
    page.get_by_test_id("to-new").click()
    fill_in_a_canary(page)
    deployment = make(page)
    expect_held(page)
    approve_as_second_person(browser, plant, deployment)
    expect_status(page, "running")  # told live: this page did nothing
    expect_target(page, FIRST, "success")
    expect_target(page, SECOND, "pending")
    expect(page.get_by_test_id("deployment-why")).to_contain_text("Wave 2 begins at")
    limit = page.get_by_test_id("failure-limit")
    expect(limit).to_have_attribute("data-stops-at", "1")
    shoot(page, "deployment-running")
    do(page, "pause", "lunch", "No further device gets it")
    expect_status(page, "paused")
    do(page, "resume", "", "goes on where it stood")
    expect_status(page, "running")
    do(page, "roll_back", "it is too hot", "1 device that may have it will be put back")
    expect_status(page, "rolled_back")
    expect_target(page, FIRST, "rolled_back")
    expect_target(page, SECOND, "skipped")
    expect(page.get_by_test_id("deployment-roll_back")).to_have_count(0)
    expect_filtered(page)
    expect_history(page)


def fill_in_a_canary(page: Page) -> None:
    expect(page.get_by_test_id("create")).to_be_disabled()
    page.get_by_test_id("new-flow").select_option(FLOW)
    page.get_by_test_id("new-version").select_option("1")
    pick(page, FIRST, SECOND)
    expect_preview(page, 1, 1)
    fill(page, canary_percentage="100")
    expect_preview(page, 2)
    fill(page, canary_percentage="a few")
    expect(page.get_by_role("alert")).to_contain_text("percentage")
    fill(page, canary_percentage="50", canary_delay="10m", note="<img src=x> try")
    unfold(page, "health", "pace", "variables", "windows", "runs")
    fill(page, watch="2s", timeout="1s")
    expect(page.get_by_role("alert")).to_contain_text("leaves nothing after watch")
    expect(page.get_by_test_id("create")).to_be_disabled()
    fill(page, timeout="3m")
    page.get_by_test_id("value-warm_ms").fill("90000")
    page.get_by_test_id("new-needs_approval").check()
    expect_preview(page, 1, 1)
    shoot(page, "deployment-new")


def expect_held(page: Page) -> None:
    expect_status(page, "pending")
    expect(page.get_by_test_id("deployment-approve")).to_be_disabled()
    expect(page.get_by_test_id("needs-others")).to_contain_text("somebody else")
    expect(page.get_by_text("<img src=x> try").first).to_be_visible()
    shoot(page, "deployment-held")


def expect_filtered(page: Page) -> None:
    page.locator('[data-testid="status-count"][data-status="skipped"]').click()
    expect(page.get_by_test_id("target-row")).to_have_count(1)
    page.get_by_test_id("all-targets").click()
    expect(page.get_by_test_id("target-row")).to_have_count(2)


def expect_history(page: Page) -> None:
    page.get_by_role("link", name="History").click()
    page.get_by_test_id("history-filter").select_option("whole")
    said = page.locator('[data-testid="happened-row"][data-by="admin"]')
    expect(said.filter(has_text="it is too hot")).to_have_count(1)
    expect(said.filter(has_text="lunch")).to_have_count(1)
    by_olga = page.locator(f'[data-testid="happened-row"][data-by="{OLGA}"]')
    expect(by_olga).to_contain_text("looks good")
    shoot(page, "deployment-history")
    page.get_by_role("link", name="Plan").click()
    expect(page.get_by_test_id("deployment-plan")).to_contain_text(f"given by {OLGA}")


def approve_as_second_person(
    browser: Browser, stack: RunningStack, deployment: str
) -> None:
    context = browser.new_context()
    context.set_default_timeout(SLOW_MS)
    page = context.new_page()
    sign_in(page, stack, OLGA, PASSWORD)
    page.goto(f"{stack.page}#/deployments?status=pending")
    rows = page.get_by_test_id("deployment-row")
    rows.and_(page.locator(f'[data-deployment="{deployment}"]')).locator("a").click()
    do(page, "approve", "looks good", "It begins at once")
    expect(page.get_by_test_id("deployment-status")).not_to_have_attribute(
        "data-status", "pending"
    )
    context.close()


def test_a_bad_release_takes_itself_back(page: Page, plant: RunningStack) -> None:
    page.goto(f"{plant.page}#/deployments/new?flow={FLOW}&devices={FIRST}")
    expect_preview(page, 1)
    unfold(page, "health", "pace")
    fill(page, watch="2s", timeout="3m", check="temperature > > 3")
    expect(page.get_by_role("alert")).to_contain_text("invalid syntax")
    fill(page, check="temperature > 10000")
    expect_preview(page, 1)
    bad = make(page)
    expect_status(page, "rolled_back")
    why = page.get_by_test_id("deployment-why")
    expect(why).to_contain_text("1 of 1 canary failed")
    expect(why).to_contain_text("does not hold")
    expect_target(page, FIRST, "failed")
    shoot(page, "deployment-failed")
    page.get_by_test_id("deploy-again").click()
    expect(page.get_by_test_id("new-check")).to_have_value("temperature > 10000")
    page.goto(f"{plant.page}#/deployments?flow={FLOW}")
    page.get_by_test_id("deployment-filter-status").select_option("rolled_back")
    expect(page).to_have_url(re.compile("status=rolled_back"))
    rows = page.get_by_test_id("deployment-row")
    expect(rows.first).to_have_attribute("data-deployment", bad)
    shoot(page, "deployments")


def test_a_completed_one_is_settled_and_offers_the_release_before(
    page: Page, plant: RunningStack
) -> None:
    page.goto(f"{plant.page}#/deployments/new?flow={FLOW}&devices={FIRST}")
    page.get_by_test_id("strategy-all_at_once").check()
    unfold(page, "health")
    fill(page, watch="1s")
    expect_preview(page, 1)
    make(page)
    expect_status(page, "completed")
    expect(page.get_by_test_id("settled")).to_contain_text("cannot be rolled back")
    expect(page.get_by_test_id("deployment-roll_back")).to_have_count(0)
    page.get_by_test_id("deploy-before").click()
    expect(page.get_by_test_id("new-version")).to_have_value("1")
    expect(page.get_by_test_id("picked")).to_have_attribute("data-count", "1")


def test_a_draft_is_started_and_a_conflict_leads_to_what_stands_in_the_way(
    page: Page, plant: RunningStack
) -> None:
    new = f"{plant.page}#/deployments/new?flow={FLOW}&version=1"
    page.goto(f"{new}&labels=nowhere=at_all")
    expect(page.get_by_role("alert")).to_contain_text("match no device")
    page.get_by_test_id("new-labels").fill("site = (")
    expect(page.get_by_role("alert")).to_contain_text("selector")
    page.get_by_test_id("who-all").check()
    page.get_by_test_id("strategy-rolling").check()
    fill(page, batch_size="1")
    expect_preview(page, 1, 1)
    page.get_by_test_id("when-later").check()
    draft = make(page)
    expect(page.get_by_test_id("deployment-why")).to_contain_text("to be started")

    page.goto(f"{new}&devices={FIRST}")
    expect_preview(page, 1)
    page.get_by_test_id("create").click()
    expect(page.get_by_test_id("new-problem")).to_contain_text(draft)
    page.get_by_test_id("new-problem").get_by_role("link").click()
    do(page, "start", "", "It begins at once, with 2 devices")
    expect_status(page, "running")
    do(page, "cancel", "enough", "It goes no further")
    expect_status(page, "cancelled")


def test_who_only_looks_is_offered_no_deed(
    plant: RunningStack, browser: Browser
) -> None:
    plant.ask("user", "role", OLGA, "viewer")
    context = browser.new_context()
    context.set_default_timeout(SLOW_MS)
    other = context.new_page()
    sign_in(other, plant, OLGA, PASSWORD)
    other.goto(f"{plant.page}#/deployments")
    expect(other.get_by_test_id("deployments")).to_be_visible()
    expect(other.get_by_test_id("to-new")).to_have_count(0)
    other.goto(f"{plant.page}#/deployments/new")
    expect(other.get_by_test_id("may-not")).to_be_visible()
    context.close()
