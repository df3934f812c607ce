"""People, keys, the audit trail and one's own account in the page, on a whole stack."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.browser.conftest import DESKTOP, shoot, sign_in
from tests.support.stack import RunningStack

pytestmark = pytest.mark.timeout(400)

ANN = "page_ann"
PASSWORD = "quite a long secret 7"
KEY = "page export"


@pytest.fixture
def ann(operate: Callable[[str], Page], stack: RunningStack) -> Iterator[Page]:
    """A viewer was added on the page, which is given; she is taken out afterwards."""
    page = operate("#/people")
    page.get_by_test_id("add-user").click()
    page.get_by_test_id("new-user").fill(ANN)
    page.get_by_test_id("add-user-dialog-submit").click()
    known = page.get_by_test_id("add-user-dialog").get_by_role("alert")
    gone = page.get_by_test_id("add-user-dialog")
    expect(known.or_(user(page, ANN)).first).to_be_visible()
    if known.count() and gone.count():  # there is no such account yet
        page.get_by_test_id("new-password").fill(PASSWORD)
        page.get_by_test_id("add-user-dialog-submit").click()
    expect(user(page, ANN)).to_have_attribute("data-role", "viewer")
    yield page
    stack.ask("user", "remove", ANN, "--yes")


@pytest.fixture
def hers(ann, browser, stack: RunningStack) -> Iterator[Page]:
    """A browser of her own, signed in."""
    context: BrowserContext = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    sign_in(page, stack, ANN, PASSWORD)
    yield page
    context.close()


def user(page: Page, name: str) -> Locator:
    return page.locator(f'[data-testid="user-row"][data-user="{name}"]')


def audit_row(page: Page, action: str, subject: str) -> Locator:
    return page.locator(
        f'[data-testid="audit-row"][data-action="{action}"][data-subject="{subject}"]'
    )


def test_people_come_change_and_go_and_the_trail_tells(ann, operate) -> None:
    invite_and_withdraw(ann)
    # nobody may take the last owner out: the server's sentence is shown
    user(ann, "admin").get_by_test_id("remove-user").click()
    ann.get_by_test_id("remove-user-dialog-submit").click()
    dialog = ann.get_by_test_id("remove-user-dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("owner")
    ann.keyboard.press("Escape")
    give_role(ann, "operator")
    expect(user(ann, ANN)).to_have_attribute("data-role", "operator")
    make_and_revoke_key(operate)
    read_trail(operate("#/audit?action=user."))
    verify(operate("#/audit"))


def invite_and_withdraw(page: Page) -> None:
    page.get_by_test_id("invite").click()
    page.get_by_test_id("role-operator").check()
    shoot(page, "people-invite")
    page.get_by_test_id("invite-dialog-submit").click()
    expect(page.get_by_test_id("secret")).to_have_value(re.compile(r".{8}"))
    page.get_by_test_id("secret-kept").click()
    invited = page.locator('[data-testid="invitation-row"][data-role="operator"]')
    expect(invited).to_have_count(1)
    shoot(page, "people")
    invited.get_by_test_id("withdraw").click()
    page.get_by_test_id("withdraw-dialog-submit").click()
    expect(invited).to_have_count(0)


def give_role(page: Page, role: str) -> None:
    user(page, ANN).get_by_test_id("change-role").click()
    page.get_by_test_id(f"role-{role}").check()
    page.get_by_test_id("role-dialog-submit").click()


def read_trail(page: Page) -> None:
    expect(audit_row(page, "user.role", ANN).first).to_be_visible()
    expect(page.locator('[data-action="session.open"]')).to_have_count(0)
    shoot(page, "audit")
    page.get_by_test_id("audit-subject").fill(ANN)
    page.get_by_test_id("audit-subject").press("Enter")
    expect(audit_row(page, "user.role", "admin")).to_have_count(0)
    audit_row(page, "user.role", ANN).first.get_by_test_id("audit-open").click()
    expect(page.get_by_test_id("audit-dialog")).to_contain_text("operator")
    shoot(page, "audit-entry")
    page.keyboard.press("Escape")
    page.get_by_test_id("audit-outcome").select_option("refused")
    expect(page.get_by_test_id("audit-row")).to_have_count(0)


def make_and_revoke_key(operate: Callable[[str], Page]) -> None:
    keys = operate("#/keys")
    keys.get_by_test_id("new-key").click()
    keys.get_by_test_id("key-name").fill(KEY)
    keys.get_by_test_id("key-dialog-submit").click()
    expect(keys.get_by_test_id("secret")).to_have_value(re.compile("^hdl_"))
    shoot(keys, "keys-secret")
    keys.get_by_test_id("secret-kept").click()
    key = keys.locator(f'[data-testid="key-row"][data-name="{KEY}"]')
    expect(key).to_contain_text("Viewer")
    expect(keys.get_by_test_id("secret")).to_have_count(0)
    shoot(keys, "keys")
    key.get_by_test_id("revoke").click()
    keys.get_by_test_id("revoke-dialog-submit").click()
    expect(key).to_have_count(0)


def verify(page: Page) -> None:
    """The trail holds; and not with a head that never was."""
    page.get_by_test_id("verify").click()
    page.get_by_test_id("verify-dialog-submit").click()
    verdict = page.get_by_test_id("verdict")
    expect(verdict).to_have_attribute("data-holds", "true")
    shoot(page, "audit-verify")
    head = page.get_by_test_id("head").inner_text()
    page.get_by_test_id("verify-head").fill(head)
    page.get_by_test_id("verify-dialog-submit").click()
    expect(verdict).to_contain_text("the head you noted")
    page.get_by_test_id("verify-head").fill("0" * 64)
    page.get_by_test_id("verify-dialog-submit").click()
    expect(verdict).to_have_attribute("data-holds", "false")


def test_a_viewer_is_offered_nothing_that_she_may_not(hers, stack, ann) -> None:
    for address, name in (
        ("#/people", "owners-only"),
        ("#/keys", "owners-only"),
        ("#/audit", "operators-only"),
    ):
        hers.goto(f"{stack.page}{address}")
        expect(hers.get_by_test_id(name)).to_be_visible()
    for name in ("invite", "add-user", "new-key", "verify", "export"):
        expect(hers.get_by_test_id(name)).to_have_count(0)
    hers.goto(f"{stack.page}#/alarms/rules")
    expect(hers.get_by_test_id("rules")).to_be_visible()
    expect(hers.get_by_test_id("new-rule")).to_have_count(0)
    hers.goto(f"{stack.page}#/alarms")
    expect(hers.get_by_text("not act on them")).to_be_visible()
    expect(hers.get_by_test_id("alarm-all")).to_have_count(0)
    hers.goto(f"{stack.page}#/account")
    use_account(hers)
    hers.goto(f"{stack.page}#/projects")
    look_for_projects(hers)
    # another role: her session ends, and she signs in anew
    give_role(ann, "operator")
    expect(hers.get_by_test_id("sign-in")).to_be_visible()


def use_account(page: Page) -> None:
    this = page.locator('[data-testid="session-row"][data-this="true"]')
    expect(this).to_have_count(1)
    for field, text in (("old", "wrong"), ("new", PASSWORD), ("again", "other")):
        page.get_by_test_id(f"password-{field}").fill(text)
    page.get_by_test_id("change-password").click()
    expect(page.get_by_text("The two new passwords differ.")).to_be_visible()
    page.get_by_test_id("password-again").fill(PASSWORD)
    page.get_by_test_id("change-password").click()
    expect(page.get_by_test_id("password-problem")).to_contain_text("password")
    shoot(page, "account")


def look_for_projects(page: Page) -> None:
    """By the password, for a session opens one project and no more."""
    page.get_by_test_id("project-password").fill(PASSWORD)
    page.get_by_test_id("show-projects").click()
    expect(page.get_by_test_id("project-row")).to_have_count(1)
    page.get_by_test_id("join-code").fill("no such code")
    page.get_by_test_id("join").click()
    expect(page.get_by_test_id("projects-others").get_by_role("alert")).to_be_visible()
    shoot(page, "projects")
