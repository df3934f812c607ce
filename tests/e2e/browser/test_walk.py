"""One operator's morning: every page, one after another, on a fleet of ten devices.

A flow is drawn from nothing, published, deployed by canary, watched, paused, approved;
an alarm comes and is acknowledged; the router is lost and comes back; and nothing that
the browser complains of is overlooked. What single pages can do in detail is tested in
modules of their own, whose words for things are used here.
"""

import json
import re
import signal
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.e2e.browser.conftest import SLOW_MS, abroad, shoot, sign_in
from tests.e2e.browser.test_designer import design
from tests.e2e.browser.test_run import command, element, expect_lit, expect_status
from tests.support.pages import place, routes
from tests.support.programs import swarm
from tests.support.stack import RunningStack

pytestmark = pytest.mark.timeout(600)

FLOW, ALARM = "walk_flow", "walk_warm"
DIGIT = re.compile(r"\d")
NAME, DEVICES = "walk", 10
SECOND = 1000
ENDED_MS = 180 * SECOND


@pytest.fixture
def fleet(stack: RunningStack) -> Iterator[list[str]]:
    """The ids of the ten."""
    with swarm(stack, DEVICES, name=NAME, scan="1s", time_scale=10):
        found = stack.ask("device", "list")["devices"]
        ids = (one["device"] for one in found)
        devices = sorted(one for one in ids if one.startswith(NAME))
        yield devices
    stack.cli("alarm", "remove", ALARM, "--device", devices[0])
    stack.cli("flow", "archive", FLOW)
    put_away(stack, devices)


def put_away(stack: RunningStack, devices: list[str]) -> None:
    """Take them all out of the project, by one session."""

    def ask(method: str, path: str, bearer: str = "", **body: str) -> dict[str, str]:
        request = Request(  # noqa: S310 -- our own http URL
            f"{stack.api}{path}",
            json.dumps(body).encode() if body else None,
            {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"},
            method=method,
        )
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            found: dict[str, str] = json.load(answer)
            return found

    ticket = ask("POST", "/login", user="admin", password=stack.password)["ticket"]
    for device in devices:
        ask("DELETE", f"/devices/{device}?force=true", ticket)


class Walk:
    """The page, and what it complained of; it may, while the router is away."""

    def __init__(self, page: Page, stack: RunningStack) -> None:
        self.page = page
        self.stack = stack
        self.complaints: list[str] = []
        self.may_complain = False
        self.seen: set[str] = set()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: self.complaints.extend(abroad(asked.url, stack.port)),
        )

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not self.may_complain:
            self.complaints.append(said.text)

    def to(self, route: str, query: str = "", **ids: str) -> Page:
        """A place of the page's own table."""
        self.page.goto(f"{self.stack.page}#/{place(route, ids)}{query}")
        expect(self.page.locator("main h1").first).to_be_visible()
        self.seen.add(route)
        return self.page


@pytest.fixture
def walk(page: Page, stack: RunningStack) -> Iterator[Walk]:
    found = Walk(page, stack)
    sign_in(page, stack)
    yield found
    assert found.complaints == []


def test_a_morning(walk: Walk, fleet: list[str], stack: RunningStack) -> None:
    first = fleet[0]
    look_over(walk, fleet)
    draw(walk)
    deployment = deploy(walk, fleet)
    run = steer(walk, first)
    alarm(walk, first)
    compose(walk, first)
    ids = {"device": first, "run": run, "flow": FLOW, "deployment": deployment}
    for route in routes():
        if route not in walk.seen:
            walk.to(route, **ids)
            expect(walk.page.locator("[aria-busy='true']")).to_have_count(0)
    lose_the_router(walk, first)
    walk.page.get_by_test_id("sign-out").click()
    expect(walk.page.get_by_test_id("sign-in")).to_be_visible()


def look_over(walk: Walk, fleet: list[str]) -> None:
    page = walk.to("devices", f"?q={NAME}_")
    for device in fleet:
        row = page.locator(f'[data-testid="device-row"][data-device="{device}"]')
        expect(row).to_have_attribute("data-online", "true")
    page.locator(f'[data-device="{fleet[0]}"]').get_by_role("link").first.click()
    expect(page.get_by_test_id("device")).to_have_attribute("data-device", fleet[0])
    walk.seen.add("devices/:device")


def draw(walk: Walk) -> None:
    """Two phases: the first waits for somebody, the second for ten seconds."""
    page = walk.to("flows/:flow/design", "?new=1", flow=FLOW)
    desk = design(page, FLOW)
    for kind in ("START", "PHASE", "APPROVAL", "PHASE"):
        desk.add(kind)
    desk.timer("100 s")
    desk.add("END")
    desk.errors(0)
    desk.tab("about")
    desk.fill("flow-name", "A morning's work")
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("designer")).to_have_attribute("data-dirty", "false")
    page.get_by_test_id("publish").click()
    page.get_by_test_id("publish-note").fill("drawn on the walk")
    page.get_by_test_id("publish-dialog-submit").click()
    expect(page.get_by_test_id("designer")).to_have_attribute("data-stage", "published")
    shoot(page, "walk-designer")
    page = walk.to("flows")
    expect(page.locator("main")).to_contain_text("A morning's work")


def deploy(walk: Walk, fleet: list[str]) -> str:
    """By canary, to all ten, with a run on each; its id."""
    page = walk.to("deployments/new", f"?flow={FLOW}")
    for device in fleet:
        page.get_by_label(f"Select {device}", exact=True).check()
    page.get_by_test_id("new-canary_percentage").fill("20")
    page.get_by_test_id("new-canary_delay").fill("10s")
    for fold in ("health", "pace", "runs"):
        page.get_by_test_id(f"fold-{fold}").locator("summary").click()
    page.get_by_test_id("new-watch").fill("2s")
    page.get_by_test_id("new-timeout").fill("3m")
    page.get_by_test_id("new-start_run").check()
    waves = page.get_by_test_id("preview-wave")
    expect(waves).to_have_count(2)
    expect(waves.first).to_have_attribute("data-devices", "2")
    page.get_by_test_id("create").click()
    made = page.get_by_test_id("deployment")
    expect(made).to_be_visible()
    status = page.get_by_test_id("deployment-status")
    expect(status).to_have_attribute("data-status", "completed", timeout=ENDED_MS)
    succeeded = page.locator('[data-testid="target-row"][data-status="success"]')
    expect(succeeded).to_have_count(DEVICES)
    shoot(page, "walk-deployment")
    walk.seen.add("deployments/:deployment")
    return made.get_attribute("data-deployment") or ""


def steer(walk: Walk, device: str) -> str:
    """Its run is paused, resumed, approved with a comment, and ends; its id."""
    page = walk.to("runs", f"?flow={FLOW}&state=active")
    rows = page.get_by_test_id("runs-row")
    expect(rows).to_have_count(DEVICES)
    run = rows.and_(page.locator(f'[data-device="{device}"]'))
    name = run.get_attribute("data-run") or ""
    run.get_by_role("link").first.click()
    walk.seen.add("devices/:device/runs/:run")
    expect_lit(page, "phase_1")
    command(page, "pause")
    expect_status(page, "paused")
    command(page, "resume")
    expect_status(page, "running")
    command(page, "approve")
    page.get_by_test_id("approve-comment").fill("all is well")
    page.get_by_test_id("approve-confirm").click()
    expect_lit(page, "phase_2")
    expect(element(page, "phase", "phase_1")).to_have_attribute("data-active", "false")
    shoot(page, "walk-run")
    expect(page.get_by_test_id("run-status")).to_have_attribute(
        "data-status", "finished", timeout=ENDED_MS
    )
    return name


def alarm(walk: Walk, device: str) -> None:
    """It is defined, comes, and is acknowledged."""
    page = walk.to("alarms/rules")
    page.get_by_test_id("new-rule").click()
    page.get_by_test_id("rule-device").select_option(device)
    page.get_by_test_id("rule-name").fill(ALARM)
    page.get_by_test_id("rule-tag").fill("temperature")
    page.get_by_test_id("rule-kind").select_option("hi")
    page.get_by_test_id("rule-severity").select_option("high")
    page.get_by_test_id("rule-limit").fill("-1000")
    page.get_by_test_id("rule-dialog-submit").click()
    expect(page.get_by_test_id("rule-dialog")).to_have_count(0)
    page = walk.to("alarms")
    row = page.locator(f'[data-testid="alarm-row"][data-alarm="{ALARM}"]')
    expect(row).to_have_attribute("data-state", "unacknowledged")
    row.get_by_test_id("acknowledge").click()
    expect(row).to_have_attribute("data-state", "acknowledged")


def compose(walk: Walk, device: str) -> None:
    """A chart of the device, and a dashboard of all that is put away again."""
    page = walk.to("charts", f"?tags={device}:temperature")
    expect(page.get_by_test_id("legend-value").first).to_contain_text(DIGIT)
    page = walk.to("dashboards")
    page.get_by_test_id("new-dashboard").click()
    page.get_by_test_id("dashboard-title").fill("Walk board")
    page.get_by_test_id("make-dashboard-submit").click()
    page.get_by_test_id("add-value").click()
    page.locator("summary", has_text="same tag").click()
    page.get_by_test_id("series-tag").fill("temperature")
    page.get_by_test_id("series-labels").fill("all")
    page.get_by_test_id("series-add").click()
    page.get_by_test_id("panel-dialog-submit").click()
    page.get_by_test_id("save").click()
    expect(page.get_by_test_id("edit")).to_be_visible()
    value = page.locator(f'[data-testid="panel-value"][data-device="{device}"]')
    expect(value).to_have_text(DIGIT)
    shoot(page, "walk-dashboard")
    walk.seen.add("dashboards/:dashboard")
    page.get_by_test_id("delete").click()
    page.get_by_test_id("delete-dashboard-submit").click()
    expect(page.locator('[data-dashboard="walk_board"]')).to_have_count(0)


def lose_the_router(walk: Walk, device: str) -> None:
    """The page says so, and shows live values again when it is back."""
    page = walk.to("devices/:device", device=device)
    shown = page.get_by_test_id("device")
    expect(shown).to_have_attribute("data-stale", "false")
    assert walk.stack.process is not None
    walk.may_complain = True
    walk.stack.process.send_signal(signal.SIGSTOP)  # nobody starts the router again
    try:
        walk.stack.child("crossbar").kill()
        expect(page.get_by_test_id("connection")).to_have_attribute(
            "data-state", "disconnected", timeout=SLOW_MS
        )
        expect(shown).to_have_attribute("data-stale", "true")
    finally:
        walk.stack.process.send_signal(signal.SIGCONT)
    expect(page.get_by_test_id("connection")).to_have_attribute(
        "data-state", "connected", timeout=120 * SECOND
    )
    expect(shown).to_have_attribute("data-stale", "false", timeout=120 * SECOND)
    walk.may_complain = False
