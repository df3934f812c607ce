"""A page signed in to a stack, in a real Chromium, and what it tells of itself."""

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Response, sync_playwright

from tests.support.neighbours import chromium
from tests.support.stack import RunningStack

SLOW_MS = 120_000
KB = 1000
ARGUMENTS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
]
WATCH_LONG_TASKS = """
globalThis.__long = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) globalThis.__long.push(one.duration);
}).observe({ type: "longtask", buffered: true });
"""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=arguments, timeout=SLOW_MS
        )
        yield browser
        browser.close()


class Opened:
    """A page signed in to the stack, with all it asked of the network."""

    def __init__(self, stack: RunningStack, browser: Browser) -> None:
        self._context = browser.new_context(viewport={"width": 1280, "height": 900})
        self._context.set_default_timeout(SLOW_MS)
        self.page: Page = self._context.new_page()
        self.stack = stack
        self.loaded: dict[str, Response] = {}
        self.abroad: set[str] = set()
        self.page.on("response", self._note)
        self.page.on("request", lambda asked: self._note_host(asked.url))
        self.page.add_init_script(WATCH_LONG_TASKS)
        self._client: CDPSession = self._context.new_cdp_session(self.page)

    def _note(self, response: Response) -> None:
        self.loaded[response.url] = response

    def _note_host(self, url: str) -> None:
        home = url.startswith((self.stack.page, "data:", "blob:"))
        if not home:
            self.abroad.add(url)

    def sign_in(self) -> None:
        self.page.goto(self.stack.page)
        self.page.get_by_test_id("user").fill("admin")
        self.page.get_by_test_id("password").fill(self.stack.password)
        self.page.get_by_test_id("submit").click()
        self.page.get_by_test_id("device-row").first.wait_for()

    def go(self, place: str) -> None:
        self.page.goto(f"{self.stack.page}#/{place}")
        self.page.locator("main h1, main [role=alert]").first.wait_for()

    def gzip_kb(self) -> float:
        """All that was transferred, each file once, compressed by gzip."""
        sizes = (len(gzip.compress(one.body(), 9)) for one in self.loaded.values())
        return sum(sizes) / KB

    def evaluate(self, expression: str) -> Any:
        """A JavaScript expression's value, whatever the page's policy forbids."""
        asked = {
            "expression": expression,
            "returnByValue": True,
            "allowUnsafeEvalBlockedByCSP": True,
        }
        answer = self._client.send("Runtime.evaluate", asked)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def long_tasks_ms(self) -> list[float]:
        """The long tasks since the last look."""
        found: list[float] = self.evaluate("globalThis.__long.splice(0)")
        return found

    def close(self) -> None:
        self._context.close()
