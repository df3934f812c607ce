"""Stored script attempts fail: on every page, in every text that somebody can choose.

What is stored, and what a lying device answers, comes from ``tests/support/hostile``.
The pages are those of the page's own table, so that a new one is looked at as well. The
browser here does not heed the page's content security policy: the page has to be right
without that second wall, which has a test of its own.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.conftest import DESKTOP, SLOW_MS, abroad, evaluated
from tests.support import hostile
from tests.support.pages import place, routes
from tests.support.stack import ROOT, RunningStack

pytestmark = pytest.mark.timeout(400)

SHOWN: dict[str, tuple[str, ...]] = {
    "devices": ("device_label",),
    "devices/:device": ("alarm_text",),
    "devices/:device/runs/:run": ("run_comment",),
    "runs": ("run_comment",),
    "flows": ("flow_name", "flow_label"),
    "flows/:flow": ("flow_name", "flow_description", "flow_variable"),
    "flows/:flow/design": ("flow_name",),
    "deployments/new": ("device_label",),
    "deployments/:deployment": ("deployment_note",),
    "dashboards": ("dashboard_title", "dashboard_description"),
    "dashboards/:dashboard": ("dashboard_title", "panel_title", "alarm_text"),
    "alarms": ("alarm_text",),
    "alarms/journal": ("alarm_comment",),
    "alarms/rules": ("alarm_text",),
    "keys": ("api_key",),
    "audit": ("deployment_reason", "api_key"),
}
"""What each page has to show as it was written; the others have only to be harmless."""

INJECTED = (
    "script:not([src]), img[src='x'], [onerror], [onload], a[href^='javascript' i]"
)


@dataclass
class Watched:
    """A page, and what no text may bring about."""

    page: Page
    stack: RunningStack
    told: dict[str, str]
    ids: dict[str, str]
    harm: list[str] = field(default_factory=list)

    def open(self, route: str) -> None:
        """Open a page and look at it, then at each of its tabs."""
        path = place(route, self.ids)
        self.look_at(f"#/{path}", SHOWN.get(route, ()))
        tabs = self.page.locator("nav.tabs a[href]")
        for address in {tabs.nth(n).get_attribute("href") for n in range(tabs.count())}:
            if address and address.startswith(f"#/{path}?"):
                self.look_at(address, ())
        for n in range(self.page.get_by_role("tab").count()):
            self.page.get_by_role("tab").nth(n).click()
            self.check(f"{path}, tab {n}")

    def look_at(self, address: str, shown: tuple[str, ...]) -> None:
        self.page.goto(f"{self.stack.page}{address}")
        expect(self.page.locator("main h1").first).to_be_visible()
        for name in shown:
            expect(self.page.locator("body")).to_contain_text(self.told[name])
        self.check(address)

    def check(self, where: str) -> None:
        """Nothing of it has become an element, or has run."""
        expect(self.page.locator("[aria-busy='true']")).to_have_count(0)
        found = self.page.locator(INJECTED)
        assert found.count() == 0, (where, found.first.evaluate("e => e.outerHTML"))
        assert self.harm == [], where


@pytest.fixture
def told(stack: RunningStack) -> Iterator[dict[str, str]]:
    """The hostile texts are stored; the device that lies is online."""
    with _program(stack) as told:
        assert not set(told["refused"]) - set(told["stored"]) - {"invited"}, told
        yield told["stored"]
    stack.ask("device", "decommission", hostile.DEVICE, "--yes", "--force")
    stack.ask("user", "remove", hostile.LOOKER, "--yes")


@contextmanager
def _program(stack: RunningStack) -> Iterator[dict[str, Any]]:
    setting = json.dumps({"data": str(stack.data), "port": stack.port})
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.hostile", setting],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, "it has ended"
            yield json.loads(line)
        finally:
            process.kill()


@pytest.fixture
def watched(
    browser: Browser, stack: RunningStack, told: dict[str, str]
) -> Iterator[Watched]:
    context = browser.new_context(bypass_csp=True, viewport=DESKTOP)
    context.set_default_timeout(SLOW_MS)
    page = context.new_page()
    ids = {
        "device": hostile.DEVICE,
        "flow": hostile.FLOW,
        "run": hostile.RUN,
        "dashboard": hostile.DASHBOARD,
        "deployment": told["deployment"],
    }
    found = Watched(page, stack, told, ids)
    context.expose_function("__hurt", lambda *what: found.harm.append(f"ran {what}"))
    page.on("dialog", lambda asked: found.harm.append(f"dialog {asked.message}"))
    page.on("pageerror", lambda error: found.harm.append(f"error {error}"))
    page.on("request", lambda asked: found.harm.extend(_strange(asked.url, stack)))
    yield found
    context.close()


def _strange(url: str, stack: RunningStack) -> list[str]:
    ours = url == stack.page or url.startswith((f"{stack.page}assets/", "data:"))
    return [] if ours or url.endswith("/icon.svg") else [url]


def test_no_text_of_anybody_becomes_more_than_text(watched: Watched) -> None:
    page, told = watched.page, watched.told
    page.goto(watched.stack.page)
    page.get_by_test_id("user").fill(hostile.LOOKER)
    page.get_by_test_id("password").fill(hostile.PASSWORD)
    page.get_by_test_id("submit").click()
    choice = page.get_by_test_id("projects")
    expect(choice).to_contain_text(told["project_name"])
    choice.get_by_role("button", name=re.compile("^default")).click()
    expect(page.get_by_test_id("connection")).to_have_attribute(
        "data-state", "connected"
    )
    table = routes()
    assert set(SHOWN) <= set(table)
    for route in table:
        watched.open(route)
    watched.look_at(f"#/flows/{hostile.FLOW}?tab=releases", ("release_note",))
    watched.look_at(f"#/flows/{hostile.ELEMENTS}", ("flow_element",))
    watched.look_at(f"#/flows/{hostile.ELEMENTS}/design", ())


def test_what_slipped_into_the_page_would_not_run(
    stack: RunningStack, browser: Browser
) -> None:
    """The second wall: the policy, in a browser that heeds it."""
    context = browser.new_context()
    page = context.new_page()
    answered: list[str] = []
    page.on("response", lambda answer: answered.append(answer.url))
    page.goto(stack.page)
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    client = context.new_cdp_session(page)
    broken = evaluated(
        client,
        f"const elsewhere = {json.dumps(stack.api)};"
        """new Promise((tell) => {
          const broken = new Set();
          document.addEventListener("securitypolicyviolation", (event) => {
            broken.add(event.effectiveDirective);
            if (broken.size === 6) tell([...broken].sort());
          });
          const place = document.body.appendChild(document.createElement("div"));
          place.innerHTML = `<img src="icon.svg" onload="globalThis.__ran = 1">
            <p style="color: red"></p>
            <img src="${elsewhere}/docs"><base href="/elsewhere/">`;
          const script = document.createElement("script");
          script.textContent = "globalThis.__ran = 2";
          place.append(script);
          fetch(`${elsewhere}/openapi.json`).catch(() => null);
        })""",
    )
    assert broken == [
        *("base-uri", "connect-src", "img-src"),
        *("script-src-attr", "script-src-elem", "style-src-attr"),
    ]
    assert evaluated(client, "globalThis.__ran ?? null") is None
    assert [url for url in answered if abroad(url, stack.port)] == []
    context.close()
