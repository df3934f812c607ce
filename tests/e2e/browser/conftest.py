"""A real Chromium, and a page signed in to a running stack."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    expect,
    sync_playwright,
)

from tests.support.neighbours import chromium, need
from tests.support.stack import ROOT, RunningStack, running_stack

SLOW_MS = 60_000
expect.set_options(timeout=SLOW_MS)

ARGUMENTS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = ROOT / ".build/screenshots"
AXE = ROOT / "services/web/node_modules/axe-core/axe.min.js"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
GRAVE = ("serious", "critical")  # of what axe finds


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    need("chromium")
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium(), args=arguments, timeout=SLOW_MS
        )
        yield found
        found.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    found = browser.new_context(viewport=DESKTOP)
    found.set_default_timeout(SLOW_MS)
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack for all modules here: whoever makes something, ends it."""
    need("crossbar")
    data = tmp_path_factory.mktemp("page") / "data"
    with running_stack(data, "--time-scale", "10", "--runtime", "process") as found:
        yield found


@pytest.fixture
def operate(page: Page, stack: RunningStack) -> Iterator[Callable[[str], Page]]:
    """Opens an address (``"#/flows"``) as the stack's admin.

    Whatever the browser complains of, and whatever it asks of another host, is a
    failure at the end.
    """
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: complaints.extend(abroad(asked.url, stack.port)))
    page.on(
        "console",
        lambda said: (
            complaints.append(said.text)
            if "Content Security Policy" in said.text
            else None
        ),
    )

    def opened(address: str) -> Page:
        if page.url == "about:blank":
            sign_in(page, stack)
        page.goto(f"{stack.page}{address}")
        expect(page.locator("main h1").first).to_be_visible()
        return page

    yield opened
    assert complaints == []


def abroad(url: str, port: int) -> list[str]:
    """The address, if it is not the stack's."""
    home = f"127.0.0.1:{port}" in url or url.startswith(("data:", "blob:"))
    return [] if home else [url]


def sign_in(
    page: Page, stack: RunningStack, user: str = "admin", password: str = ""
) -> None:
    """Fill in the form, and wait for the first page behind it."""
    page.goto(stack.page)
    page.get_by_test_id("user").fill(user)
    page.get_by_test_id("password").fill(password or stack.password)
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("connection")).to_have_attribute(
        "data-state", "connected"
    )


def shoot(page: Page, name: str) -> None:
    """Pictures of the page at two sizes; what no operator should meet is a failure.

    That is: anything serious that axe finds, and a page that scrolls sideways.
    """
    PICTURES.mkdir(parents=True, exist_ok=True)
    for size, place in (("desktop", DESKTOP), ("phone", PHONE)):
        page.set_viewport_size(place)
        page.screenshot(path=PICTURES / f"{name}-{size}.png", full_page=True)
        client = page.context.new_cdp_session(page)
        wide = evaluated(client, "document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} scrolls sideways by {wide} px at {place['width']} px"
        assert grave_flaws(client) == [], f"{name}, {size}"
        client.detach()
    page.set_viewport_size(DESKTOP)


def evaluated(client, expression: str):
    """A JavaScript expression's value, whatever the page's security policy forbids."""
    answer = client.send(
        "Runtime.evaluate",
        {
            "expression": expression,
            "awaitPromise": True,
            "returnByValue": True,
            "allowUnsafeEvalBlockedByCSP": True,
        },
    )
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")


def grave_flaws(client) -> list[str]:
    """What axe finds serious or critical, each with the elements it found it on."""
    evaluated(client, f"{Path(AXE).read_text()}; 0")
    found = evaluated(
        client,
        "axe.run(document, {resultTypes: ['violations']}).then(({violations}) =>"
        " violations.map(({id, impact, nodes}) =>"
        " ({id, impact, on: nodes.map(({html}) => html.slice(0, 160))})))",
    )
    return [
        f"{one['id']} ({one['impact']}): {' | '.join(one['on'][:4])}"
        for one in found
        if one["impact"] in GRAVE
    ]
