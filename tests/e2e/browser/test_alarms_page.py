"""Alarms as operators and engineers use them in the page, on a whole stack."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.conftest import shoot
from tests.support.stack import RunningStack

pytestmark = pytest.mark.timeout(400)

DEVICE = "virtual_1"
WARM = "page_warm"  # critical, of a group, made on the page
LEVEL = "page_level"  # low, latching, set by somebody else
RULE = f"""
[[rules]]
alarm = "{LEVEL}"
tag = "level"
kind = "hi"
limit = -1000.0
severity = "low"
latching = true
text = "Look at the <b>level</b>."
"""


@pytest.fixture
def opened(
    operate: Callable[[str], Page], stack: RunningStack
) -> Iterator[Callable[[str], Page]]:
    """Opens a page; the rules made here are gone afterwards."""
    yield operate
    for rule in stack.ask("alarm", "rules")["rules"]:
        if rule["alarm"] in (WARM, LEVEL):
            stack.ask("alarm", "remove", rule["alarm"], "--device", DEVICE)


def set_level(stack: RunningStack, folder: Path) -> None:
    rules = folder / "level.toml"
    rules.write_text(RULE)
    stack.ask("alarm", "set", str(rules), "--device", DEVICE)


def row(page: Page, alarm: str) -> Locator:
    return page.locator(f'[data-testid="alarm-row"][data-alarm="{alarm}"]')


def expect_state(page: Page, alarm: str, state: str) -> None:
    expect(row(page, alarm)).to_have_attribute("data-state", state)


def entries(page: Page, cause: str) -> Locator:
    return page.locator(
        f'[data-testid="entry-row"][data-alarm="{WARM}"][data-cause="{cause}"]'
    )


def make_rule(page: Page) -> None:
    """What cannot be is told at its field, by the page or by the server."""
    page.get_by_test_id("new-rule").click()
    page.get_by_test_id("rule-device").select_option(DEVICE)
    page.get_by_test_id("rule-name").fill("Warm!")
    page.get_by_test_id("rule-tag").fill("temperature")
    page.get_by_test_id("rule-kind").select_option("rate")
    expect(page.get_by_test_id("kind-means")).to_contain_text("per second")
    page.get_by_test_id("rule-kind").select_option("hi")
    page.get_by_test_id("rule-severity").select_option("critical")
    page.get_by_test_id("rule-limit").fill("warm")
    page.get_by_test_id("rule-dialog-submit").click()
    expect(page.get_by_text("is no number")).to_be_visible()
    page.get_by_test_id("rule-limit").fill("-1000")
    page.get_by_test_id("rule-dialog-submit").click()
    expect(page.get_by_text("must be 1 to 64 of a-z")).to_be_visible()
    shoot(page, "alarms-rule")
    page.get_by_test_id("rule-name").fill(WARM)
    page.get_by_test_id("rule-more").click()
    page.get_by_test_id("rule-group").fill("page_heat")
    page.get_by_test_id("rule-dialog-submit").click()
    expect(page.get_by_test_id("rule-dialog")).to_have_count(0)
    made = page.locator(f'[data-testid="rule-row"][data-alarm="{WARM}"]')
    expect(made).to_contain_text("temperature ≥ -1000")


def give_reason(page: Page, text: str) -> None:
    page.get_by_test_id("deed-text").fill(text)
    page.get_by_test_id("deed-dialog-submit").click()
    expect(page.get_by_test_id("deed-dialog")).to_have_count(0)


def test_an_alarm_comes_is_answered_shelved_and_shown_again(
    opened, stack, tmp_path: Path
) -> None:
    make_rule(opened("#/alarms/rules"))
    shown = opened("#/alarms")
    expect_state(shown, WARM, "unacknowledged")
    badge = shown.get_by_test_id("alarm-badge")
    expect(badge).to_have_attribute("data-severity", "critical")
    # what somebody else does is seen at once
    set_level(stack, tmp_path)
    expect_state(shown, LEVEL, "unacknowledged")
    expect(shown.get_by_test_id("alarm-news")).to_contain_text(LEVEL)
    expect(row(shown, LEVEL)).to_contain_text("Look at the <b>level</b>.")
    shoot(shown, "alarms")
    answer_by_keys(shown)
    hide_and_show_again(opened)
    look_at_one(opened("#/alarms?severity=critical"))
    look_back(opened)
    change_and_remove_rule(opened(f"#/alarms/rules?device={DEVICE}"))


def answer_by_keys(page: Page) -> None:
    """The selected with a comment, then the one with the focus."""
    count = page.locator('[data-testid="alarm-count"][data-severity="critical"]')
    expect(count).to_have_attribute("data-unseen", "1")
    row(page, WARM).get_by_role("checkbox").check()
    page.keyboard.press("Shift+K")
    give_reason(page, "jacket looked at")
    expect_state(page, WARM, "acknowledged")
    row(page, LEVEL).focus()
    page.keyboard.press("k")
    expect_state(page, LEVEL, "acknowledged")
    expect(count).to_have_attribute("data-unseen", "0")


def hide_and_show_again(opened: Callable[[str], Page]) -> None:
    """Shelved it is in a list of its own; unshelved it calls anew."""
    shown = opened("#/alarms")
    row(shown, WARM).focus()
    shown.keyboard.press("s")
    shown.get_by_test_id("preset-15").check()
    shoot(shown, "alarms-shelve")
    give_reason(shown, "while cleaning")
    hidden = opened("#/alarms?list=hidden")
    expect_state(hidden, WARM, "shelved")
    expect(row(hidden, WARM)).to_contain_text("admin: while cleaning")
    shoot(hidden, "alarms-hidden")
    row(hidden, WARM).get_by_test_id("row-unshelve").click()
    hidden.get_by_test_id("deed-dialog-submit").click()
    expect(hidden.get_by_test_id("deed-dialog")).to_have_count(0)


def look_at_one(page: Page) -> None:
    """One alarm with its history, and a comment on it."""
    expect_state(page, WARM, "unacknowledged")
    expect(row(page, LEVEL)).to_have_count(0)
    row(page, WARM).get_by_test_id("acknowledge").click()
    expect_state(page, WARM, "acknowledged")
    row(page, WARM).get_by_role("button", name=WARM).click()
    dialog = page.get_by_test_id("alarm-dialog")
    expect(dialog).to_contain_text("jacket looked at")
    shoot(page, "alarms-one")
    dialog.get_by_test_id("one-comment").click()
    give_reason(page, "valve ordered")
    expect(dialog).to_contain_text("commented, admin: valve ordered")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def look_back(opened: Callable[[str], Page]) -> None:
    """The journal and the key figures tell what was done."""
    journal = opened(f"#/alarms/journal?alarm={WARM}&device={DEVICE}")
    for cause in ("raised", "shelved", "unshelved", "commented"):
        expect(entries(journal, cause)).to_have_count(1)
    expect(entries(journal, "acknowledged")).to_have_count(2)
    shoot(journal, "alarms-journal")
    journal.get_by_test_id("filter-what").select_option("commented")
    expect(entries(journal, "raised")).to_have_count(0)
    with journal.expect_download() as got:
        journal.get_by_test_id("export").click()
    lines = Path(got.value.path()).read_text().splitlines()
    assert [line.split(",")[-2] for line in lines] == ["comment", "valve ordered"]
    figures = opened(f"#/alarms/kpis?span=3600000&device={DEVICE}")
    expect(figures.get_by_test_id("kpis")).to_contain_text(WARM)
    expect(figures.get_by_test_id("answers")).to_contain_text("acknowledgement")
    shoot(figures, "alarms-kpis")


def change_and_remove_rule(page: Page) -> None:
    made = page.locator(f'[data-testid="rule-row"][data-alarm="{WARM}"]')
    expect(made).to_be_visible()
    shoot(page, "alarms-rules")
    made.get_by_test_id("change-rule").click()
    page.get_by_test_id("rule-text").fill("Open the valve.")
    page.get_by_test_id("rule-dialog-submit").click()
    expect(made).to_contain_text("Open the valve.")
    made.get_by_test_id("remove-rule").click()
    page.get_by_test_id("remove-rule-dialog-submit").click()
    expect(made).to_have_count(0)


def test_who_is_told_is_set_tested_and_removed(operate) -> None:
    page = operate("#/alarms/rules?list=notices")
    page.get_by_test_id("new-target").click()
    page.get_by_test_id("target-name").fill("page_shift")
    page.get_by_test_id("target-url").fill("http://127.0.0.1:9/hook")
    page.get_by_test_id("target-token").fill("not to be shown")
    page.get_by_test_id("target-dialog-submit").click()
    target = page.locator('[data-testid="target-row"][data-target="page_shift"]')
    expect(target).to_contain_text("with a token")
    target.get_by_test_id("test-target").click()
    expect(page.get_by_test_id("test-problem")).to_contain_text("page_shift")
    shoot(page, "alarms-notices")
    target.get_by_test_id("remove-target").click()
    page.get_by_test_id("remove-target-dialog-submit").click()
    expect(target).to_have_count(0)
