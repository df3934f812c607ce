"""The designer in the browser: a workflow drawn from nothing, as a person draws it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.conftest import shoot
from tests.support.stack import EXAMPLE, RunningStack

pytestmark = pytest.mark.timeout(600)

FLOW, EDITED = "spun_reactor", "spun_edits"
HEATER = "8006ba5a-30cf-4d15-b4cb-34fda02e87e3"
THERMOMETER = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"
STANDS_STILL = """canvas => new Promise(stands => {
  const viewport = canvas.querySelector(".react-flow__viewport");
  let [was, frames] = ["", 0];
  requestAnimationFrame(function look() {
    const now = viewport.style.transform;
    frames = now === was ? frames + 1 : 0;
    was = now;
    if (frames === 10) stands();
    else requestAnimationFrame(look);
  });
})"""


@pytest.fixture
def begun(stack: RunningStack) -> Iterator[str]:
    """The id of a flow that nobody has saved yet; put away afterwards."""
    yield FLOW
    put_away(stack, FLOW)


@pytest.fixture
def saved(stack: RunningStack) -> Iterator[str]:
    """The example as a flow of its own."""
    stack.ask("flow", "save", str(EXAMPLE), "--flow", EDITED)
    yield EDITED
    put_away(stack, EDITED)


def put_away(stack: RunningStack, flow: str) -> None:
    """Delete it, or archive what was published."""
    if stack.cli("flow", "delete", flow, "--yes").code != 0:
        stack.cli("flow", "archive", flow)


class Desk:
    """The designer's parts, by the names a person has for them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.canvas = page.locator(".design-canvas")
        self.panel = page.get_by_test_id("element-panel")

    def add(self, kind: str) -> None:
        """A click in the palette: the new element comes after the chosen one."""
        self.page.locator(f'[data-testid="palette-item"][data-kind="{kind}"]').click()

    def drag(self, kind: str, x: float, y: float) -> None:
        """From the palette to a place on the canvas."""
        item = self.page.locator(f'[data-testid="palette-item"][data-kind="{kind}"]')
        item.drag_to(self.canvas, target_position={"x": x, "y": y})

    def shape(self, element: str) -> Locator:
        return self.canvas.locator(f'[data-element-id="{element}"]')

    def links(self) -> Locator:
        return self.canvas.locator(".react-flow__edge")

    def choose(self, element: str) -> None:
        """Walk to it by the keyboard's focus, and press Enter."""
        self.canvas.locator(f'.react-flow__node[data-id="{element}"]').focus()
        self.page.keyboard.press("Enter")
        expect(self.panel).to_have_attribute("data-element-id", element)

    def chosen(self, element: str) -> None:
        expect(self.panel).to_have_attribute("data-element-id", element)

    def fill(self, name: str, text: str) -> None:
        field = self.page.get_by_test_id(name)
        field.fill(text)
        field.press("Tab")

    def timer(self, duration: str) -> None:
        """Put a timer on the chosen phase."""
        self.add("TIMER")
        self.fill("duration", duration)

    def sets(self, phase: str, target: int) -> None:
        self.choose(phase)
        self.page.get_by_test_id("add-setpoint").click()
        self.fill("setpoint-node", HEATER)
        self.fill("setpoint-target-value", str(target))

    def draw(self, source: str, target: str, side: str = "") -> None:
        """Draw a link with the mouse, from a side of one shape to another shape."""
        self.page.get_by_test_id("fit").click()
        self.canvas.evaluate(STANDS_STILL)  # it is fitted some frames after the click
        handle = f'[data-handleid="{side}"]' if side else ""
        start = self.shape(source).locator(f".react-flow__handle.source{handle}")
        end = self.shape(target).locator(".react-flow__handle.target")
        for place, act in ((start, self.page.mouse.down), (end, self.page.mouse.up)):
            box = place.bounding_box()
            assert box is not None
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            self.page.mouse.move(x - 6, y - 6)
            self.page.mouse.move(x, y)
            act()

    def tab(self, name: str) -> None:
        self.page.get_by_test_id(f"tab-{name}").click()

    def write(self, text: str) -> None:
        """Replace the whole JSON text."""
        self.tab("json")
        self.page.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def errors(self, count: int) -> None:
        """Wait for a verdict on what is drawn."""
        self.tab("findings")
        found = self.page.get_by_test_id("findings")
        expect(found).to_have_attribute("data-errors", str(count))
        expect(found).to_have_attribute("data-asking", "false")


def design(page: Page, flow: str) -> Desk:
    expect(page.get_by_test_id("designer")).to_have_attribute("data-flow", flow)
    desk = Desk(page)
    expect(desk.canvas).to_have_attribute("data-arranged", "true")
    return desk


def version(page: Page) -> int:
    """What the designer says it edits."""
    return int(page.get_by_test_id("designer").get_attribute("data-version") or "0")


def test_the_example_is_drawn_from_nothing_saved_and_published(  # noqa: PLR0915
    operate: Callable[[str], Page], stack: RunningStack, begun: str
) -> None:
    page = operate(f"#/flows/{begun}/design?new=1")
    desk = design(page, begun)
    for kind in ("START", "PHASE"):  # each after the one before, and linked to it
        desk.add(kind)
    desk.timer("100 s")
    desk.add("PHASE")
    desk.add("APPROVAL")
    desk.add("PHASE")
    desk.choose("phase_2")
    desk.add("CONDITION")
    desk.chosen("eventListener_4")
    page.get_by_test_id("condition-add").click()
    desk.fill("condition-left-value", THERMOMETER)
    desk.fill("condition-right-value", "37")
    desk.fill("condition-sustain", "20 s")
    desk.fill("condition-deviation", "0.2")
    expect(page.get_by_test_id("sentence")).to_contain_text(
        "Fires as soon as temperature ≥ 37 (±0.2) for 20 s."
    )
    desk.add("PHASE")
    desk.choose("phase_3")
    desk.timer("50 s")
    desk.add("OR")
    desk.choose("phase_4")
    desk.timer("30 s")
    page.get_by_test_id("connect-to").select_option("gateway_1")
    desk.choose("gateway_1")
    desk.add("PHASE")
    desk.timer("50 s")
    desk.add("PHASE")
    desk.timer("50 s")
    desk.add("CONDITIONAL")
    desk.chosen("gateway_2")
    page.get_by_test_id("condition-add").click()
    page.get_by_test_id("condition-left-kind").select_option("activations")
    page.get_by_test_id("condition-left-value").select_option("gateway_2")
    page.get_by_test_id("condition-operator").select_option("<")
    desk.fill("condition-right-value", "2")
    desk.draw("gateway_2", "phase_5", "trueFlowId")
    expect(desk.links()).to_have_count(10)
    desk.drag("END", 60, 60)
    desk.chosen("eventDispatcher_1")
    desk.draw("gateway_2", "eventDispatcher_1", "falseFlowId")
    expect(desk.links()).to_have_count(11)
    for phase, target in enumerate((20, 40, 20, 35, 40, 24), start=1):
        desk.sets(f"phase_{phase}", target)
    page.get_by_test_id("arrange").click()
    desk.errors(0)
    desk.tab("about")
    desk.fill("flow-name", "Spun reactor")

    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("designer")).to_have_attribute("data-dirty", "false")
    mine = version(page)
    stack.ask("flow", "save", str(EXAMPLE), "--flow", begun)
    changes = stack.ask("flow", "diff", begun, str(mine), str(mine + 1))["changes"]
    assert {(one["kind"], one["id"]) for one in changes} == {
        ("field", "id"),
        ("field", "elements"),  # their order
    }

    page.reload()
    desk = design(page, begun)
    assert version(page) == mine + 1
    shoot(page, "designer")
    page.get_by_test_id("publish").click()
    page.get_by_test_id("publish-note").fill("drawn by hand")
    page.get_by_test_id("publish-dialog-submit").click()
    expect(page.get_by_test_id("designer")).to_have_attribute("data-stage", "published")
    expect(page.get_by_test_id("standing")).to_contain_text("is published")


def test_edits_are_undone_refused_checked_played_and_kept(  # noqa: PLR0915
    operate: Callable[[str], Page], stack: RunningStack, saved: str, tmp_path: Path
) -> None:
    page = operate(f"#/flows/{saved}/design")
    page.on("dialog", lambda dialog: dialog.accept())
    desk = design(page, saved)
    expect(desk.links()).to_have_count(11)

    # a second link out of a listener cannot be drawn, and the reason is told
    desk.draw("eventListener_1", "phase_2")
    expect(page.get_by_test_id("reason")).to_contain_text("a listener has only one")
    expect(desk.links()).to_have_count(11)
    expect(page.get_by_test_id("designer")).to_have_attribute("data-dirty", "false")

    # a phase goes with its listeners and links, and comes back
    desk.choose("phase_2")
    page.keyboard.press("Delete")
    expect(desk.shape("eventListener_4")).to_have_count(0)
    expect(desk.links()).to_have_count(8)
    page.keyboard.press("Control+z")
    expect(desk.links()).to_have_count(11)
    page.keyboard.press("Control+Shift+z")
    expect(desk.links()).to_have_count(8)
    page.get_by_test_id("undo").click()
    expect(desk.shape("eventListener_4")).to_have_count(1)
    expect(page.get_by_test_id("designer")).to_have_attribute("data-dirty", "false")

    # a copy has names of its own
    desk.choose("phase_6")
    page.keyboard.press("Control+d")
    expect(desk.shape("phase_7")).to_have_count(1)
    expect(desk.shape("eventListener_9")).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(desk.shape("phase_7")).to_have_count(0)

    # the JSON and the drawing follow each other; what is no JSON keeps the drawing
    definition = json.loads(EXAMPLE.read_text())
    definition["elements"][1]["durationInMS"] = 90_000
    desk.write(json.dumps(definition, indent=2))
    expect(desk.shape("eventListener_2")).to_contain_text("1 min 30 s")
    page.keyboard.insert_text("}")
    expect(page.get_by_test_id("json-state")).to_have_attribute("data-good", "false")
    expect(page.get_by_test_id("json-state")).to_contain_text("last good one")
    expect(desk.links()).to_have_count(11)
    page.keyboard.press("Backspace")
    expect(page.get_by_test_id("json-state")).to_have_attribute("data-good", "true")
    page.get_by_test_id("fit").click()
    desk.shape("eventListener_8").click()
    expect(page.locator(".cm-chosen").first).to_be_visible()
    shoot(page, "designer-json")
    desk.tab("element")
    desk.chosen("eventListener_8")
    desk.fill("element-id", "cooled")
    desk.chosen("cooled")
    desk.tab("json")
    expect(page.locator(".cm-content")).to_contain_text('"cooled"')

    # a gateway that waits for both branches starves: found, shown and played
    desk.tab("element")
    desk.choose("gateway_1")
    page.get_by_test_id("element-type").select_option("AND")
    badge = desk.shape("gateway_1").get_by_test_id("finding-badge")
    expect(badge).to_be_visible()
    desk.tab("findings")
    starving = page.locator('[data-testid="finding"][data-rule="STARVING_GATEWAY"]')
    starving.first.get_by_test_id("finding-go").click()
    expect(desk.shape("gateway_1")).to_have_attribute("data-selected", "true")
    starving.first.get_by_test_id("play-finding").click()
    expect(page.get_by_test_id("counter-example")).to_be_visible()
    expect(desk.canvas.locator('[data-lit="true"]').first).to_be_visible()
    shoot(page, "designer-finding")
    page.get_by_test_id("stop-playing").click()
    expect(desk.canvas.locator('[data-lit="true"]')).to_have_count(0)

    # unsaved edits outlive a reload, and leaving with them is asked
    page.reload()
    desk = design(page, saved)
    expect(page.get_by_test_id("restored")).to_be_visible()
    expect(desk.shape("cooled")).to_have_count(1)
    page.get_by_test_id("to-flows").click()
    expect(page.get_by_test_id("leave-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("designer")).to_be_visible()

    # somebody else was faster: mine is kept as the next version
    before = version(page)
    theirs = tmp_path / "theirs.json"
    definition["elements"][1]["durationInMS"] = 70_000
    theirs.write_text(json.dumps(definition))
    stack.ask("flow", "save", str(theirs), "--flow", saved)
    page.get_by_test_id("save").click()
    expect(page.get_by_test_id("conflict-dialog")).to_be_visible()
    page.get_by_test_id("keep-mine").click()
    expect(page.get_by_test_id("designer")).to_have_attribute("data-dirty", "false")
    assert version(page) == before + 2
    page.get_by_test_id("publish").click()  # the gateway still starves
    page.get_by_test_id("publish-dialog-submit").click()
    expect(
        page.get_by_test_id("publish-dialog").get_by_role("alert").last
    ).to_be_visible()
    expect(page.get_by_test_id("designer")).to_have_attribute("data-stage", "draft")
    page.keyboard.press("Escape")
