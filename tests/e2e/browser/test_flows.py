"""Flows in the browser: their life, their versions and changes, checks, simulations."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.conftest import shoot
from tests.support.stack import EXAMPLE, RunningStack

pytestmark = pytest.mark.timeout(400)

COPY, IMPORTED = "looms_copy", "looms_imported"
numbers = count(1)  # the id of a deleted flow never begins at version 1 again


def changed(file: Path) -> Path:
    """The example with a phase that nothing leads out of, and a variable of no use."""
    definition = json.loads(EXAMPLE.read_text())
    elements = [e for e in definition["elements"] if e["id"] != "flow_6"]
    for element in elements:
        if element["id"] == "eventListener_2":
            element["durationInMS"] = 60_000
    link = {"id": "to_cool", "elementType": "FLOW"}
    elements += [
        {"id": "cool", "elementType": "PHASE", "commands": []},
        {
            "id": "cooled",
            "elementType": "EVENT_LISTENER",
            "type": "APPROVAL",
            "phaseId": "cool",
        },
        {**link, "srcId": "eventListener_6", "destId": "cool"},
    ]
    idle = {"name": "idle", "type": "number", "value": "3"}
    file.write_text(
        json.dumps({**definition, "elements": elements, "variables": [idle]})
    )
    return file


@pytest.fixture
def mix(stack: RunningStack, tmp_path: Path) -> Iterator[str]:
    """A flow of two versions: the first is sound, the second is not."""
    flow = f"looms_mix_{next(numbers)}"
    stack.ask("flow", "save", str(EXAMPLE), "--flow", flow)
    stack.ask("flow", "save", str(changed(tmp_path / "changed.json")), "--flow", flow)
    yield flow
    put_away(stack, flow)


def put_away(stack: RunningStack, *flows: str) -> None:
    """Delete it, or archive what was published."""
    for flow in flows:
        if stack.cli("flow", "delete", flow, "--yes").code != 0:
            stack.cli("flow", "archive", flow)


def row(page: Page, flow: str):
    return page.locator(f'[data-testid="flow-row"][data-flow="{flow}"]')


def named(page: Page, name: str, **attributes: Any):
    wanted = "".join(
        f'[data-{key.replace("_", "-")}="{value}"]' for key, value in attributes.items()
    )
    return page.locator(f'[data-testid="{name}"]{wanted}')


def test_flows_are_found_cloned_archived_restored_deleted_and_imported(
    operate: Callable[[str], Page], mix: str, stack: RunningStack, tmp_path: Path
) -> None:
    page = operate("#/flows")
    expect(row(page, mix)).to_have_attribute("data-stage", "draft")
    shoot(page, "flows")
    page.get_by_test_id("flow-search").fill("looms")
    expect(named(page, "flow-row")).to_have_count(1)
    assert "q=looms" in page.url
    cloned(page, mix)
    page.get_by_test_id("flow-archive").click()
    expect(page.get_by_test_id("is-archived")).to_be_visible()
    page.goto(f"{stack.page}#/flows?stage=archived&q=looms")
    row(page, COPY).get_by_role("checkbox").check()
    page.get_by_test_id("flow-restore").click()
    expect(page.get_by_test_id("no-flows")).to_be_visible()
    page.goto(f"{stack.page}#/flows?q=looms")
    row(page, COPY).get_by_role("checkbox").check()
    page.get_by_test_id("flow-remove").click()
    page.get_by_test_id("remove-flow-submit").click()
    expect(row(page, COPY)).to_have_count(0)
    expect(row(page, mix)).to_have_count(1)
    imported(page, tmp_path / f"{IMPORTED}.json")
    put_away(stack, IMPORTED)
    begun(operate("#/flows"))


def cloned(page: Page, flow: str) -> None:
    """From the list, under a name of its own."""
    row(page, flow).get_by_role("checkbox").check()
    page.get_by_test_id("flow-clone").click()
    page.get_by_test_id("flow-name").fill("Looms copy")
    expect(page.get_by_test_id("flow-id")).to_have_value(COPY)
    page.get_by_test_id("clone-flow-submit").click()
    expect(named(page, "flow", flow=COPY)).to_be_visible()
    expect(page.locator("h1")).to_have_text("Looms copy")


def imported(page: Page, file: Path) -> None:
    """What is downloaded is what was imported."""
    file.write_text(EXAMPLE.read_text())
    page.get_by_test_id("to-import").click()
    page.get_by_test_id("import-file").set_input_files(file)
    expect(page.get_by_test_id("flow-id")).to_have_value(IMPORTED)
    page.get_by_test_id("import-flow-submit").click()
    expect(named(page, "flow", flow=IMPORTED)).to_be_visible()
    with page.expect_download() as downloaded:
        page.get_by_test_id("flow-download").click()
    kept = json.loads(Path(downloaded.value.path()).read_text())
    assert kept == json.loads(EXAMPLE.read_text())


def begun(page: Page) -> None:
    """A new flow has a name and an id, and is drawn next."""
    page.get_by_test_id("to-new").click()
    page.get_by_test_id("flow-name").fill("Looms begin")
    shoot(page, "flow-new")
    page.get_by_test_id("new-flow-submit").click()
    page.wait_for_url("**/#/flows/looms_begin/design?new=1*")


def test_versions_are_compared_and_an_old_one_is_restored_and_published(
    operate: Callable[[str], Page], mix: str, stack: RunningStack
) -> None:
    page = operate(f"#/flows/{mix}")
    expect(page.get_by_test_id("flow-graph")).to_be_visible()
    shoot(page, "flow")
    page.goto(f"{stack.page}#/flows/{mix}?tab=changes")
    compared(page)
    page.get_by_test_id("flow-publish").click()
    expect(page.get_by_test_id("publish").get_by_test_id("finding")).to_have_count(2)
    expect(page.get_by_test_id("publish-submit")).to_be_disabled()
    shoot(page, "flow-publish-refused")
    page.keyboard.press("Escape")
    page.goto(f"{stack.page}#/flows/{mix}?tab=versions")
    shoot(page, "flow-versions")
    named(page, "version-row", version=1).get_by_test_id("version-restore").click()
    page.get_by_test_id("restore-version-submit").click()
    expect(named(page, "version-row")).to_have_count(3)
    page.get_by_test_id("flow-publish").click()
    page.get_by_test_id("publish-note").fill("the sound one")
    page.get_by_test_id("publish-submit").click()
    expect(page.get_by_test_id("publish")).to_have_count(0)
    expect(page.get_by_test_id("flow-publish")).to_have_count(0)
    page.goto(f"{stack.page}#/flows/{mix}?tab=releases")
    released(page)
    page.get_by_test_id("flow-deploy").click()
    page.wait_for_url(f"**/#/deployments/new?flow={mix}&version=3")


def compared(page: Page) -> None:
    """The changes are told in words and marked on the graph."""
    expect(page.get_by_test_id("diff-counts")).to_contain_text("4 added")
    expect(named(page, "change", what="removed", id="flow_6")).to_be_visible()
    timer = named(page, "change", id="eventListener_2")
    expect(timer).to_contain_text("durationInMS: 100000 → 60000")
    expect(page.locator('[data-mark="added"] [data-testid="phase"]')).to_have_count(1)
    lost = page.locator('[data-mark="removed"][data-link-id="flow_6"]')
    expect(lost).to_have_count(1)
    shoot(page, "flow-changes")


def released(page: Page) -> None:
    """The release stands there with its signature."""
    expect(named(page, "release", version=3)).to_contain_text("the sound one")
    shoot(page, "flow-releases")
    page.get_by_test_id("release-signature").click()
    expect(page.get_by_test_id("signature")).to_contain_text("ed25519")
    shoot(page, "flow-release")
    page.keyboard.press("Escape")


def test_a_counter_example_is_played_on_the_graph(
    operate: Callable[[str], Page], mix: str
) -> None:
    page = operate(f"#/flows/{mix}?tab=checks")
    expect(page.get_by_test_id("verdict")).to_have_attribute("data-valid", "false")
    expect(named(page, "finding", rule="UNUSED_VARIABLE")).to_have_attribute(
        "data-gravity", "warning"
    )
    flaw = named(page, "finding", rule="DEAD_END")
    flaw.get_by_test_id("play-finding").click()
    player = page.get_by_test_id("counter-example")
    expect(player.get_by_test_id("way-step")).to_have_count(5)
    player.get_by_test_id("way-step").nth(3).click()
    expect(player).to_have_attribute("data-step", "3")
    player.get_by_test_id("play-next").click()
    expect(page.locator('[data-element-id="cool"][data-active="true"]')).to_be_visible()
    shoot(page, "flow-checks")
    page.keyboard.press(".")
    expect(player).to_have_attribute("data-step", "4")
    page.get_by_test_id("play-finding").click()
    expect(
        page.locator('[data-element-id="cool"][data-active="false"]')
    ).to_be_visible()
    page = operate(f"#/flows/{mix}?tab=local")
    expect(page.get_by_test_id("local-changes")).to_contain_text("No device")
    shoot(page, "flow-local")


def test_a_flow_is_simulated_by_a_script_and_in_a_made_up_world(
    operate: Callable[[str], Page], mix: str
) -> None:
    page = operate(f"#/flows/{mix}?tab=simulate&version=1")
    simulation = page.get_by_test_id("simulation")
    expect(simulation).to_have_attribute("data-end", "waiting")
    expect(
        page.locator('[data-element-id="phase_2"][data-active="true"]')
    ).to_be_visible()
    page.get_by_test_id("awaited-approve").click()
    expect(simulation).to_have_attribute("data-end", "ended")
    expect(page.get_by_test_id("script-step")).to_have_count(1)
    expect(page.get_by_test_id("simulation")).to_contain_text("finished")
    page.get_by_test_id("script-step").get_by_role("button").click()
    expect(simulation).to_have_attribute("data-end", "waiting")

    page.get_by_test_id("script-at").fill("10")
    page.get_by_test_id("script-value").fill("37")
    page.get_by_test_id("script-add").click()
    expect(simulation).to_have_attribute("data-end", "ended")
    page.locator('[data-type="PHASE_STARTED"]').nth(2).click()
    expect(
        page.locator('[data-element-id="phase_4"][data-active="true"]')
    ).to_be_visible()
    shoot(page, "flow-simulate")

    page.get_by_test_id("simulate-until").fill("5")
    expect(simulation).to_have_attribute("data-end", "until")
    page.get_by_test_id("simulate-until").fill("")
    page.get_by_test_id("script-step").get_by_role("button").click()
    page.get_by_test_id("simulate-improvise").check()
    expect(simulation).to_have_attribute("data-end", "ended")
