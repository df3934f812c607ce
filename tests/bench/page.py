"""The page: what it loads, when it is there, and how late a sample is on a dashboard.

``python -m tests.bench page`` runs a stack, real Chromium, and beside them devices that
publish ten times a second and the links of a hundred dashboards. Three dashboards are
real pages: what stands in their DOM is compared with the publisher's clock, which is
the same machine's, and with what a bare subscriber hears in the same seconds. Then
browsers that stall join them. The router's memory is watched all along.

``$PAGE_DEVICES``, ``$PAGE_DASHBOARDS``, ``$PAGE_HOLD_S`` (each half of it without and
with stalled browsers) and ``$PAGE_FLEET`` (devices that flap) make it smaller.
"""

import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser

from tests.bench.fanout import percentile
from tests.bench.harness import figure
from tests.bench.pages.beside import Memory, ours
from tests.bench.pages.opened import Opened, running_chromium
from tests.bench.pages.setting import Setting, dashboard_id
from tests.support.pages import place, routes
from tests.support.programs import Telling, swarm
from tests.support.stack import RunningStack

DEVICES = int(os.environ.get("PAGE_DEVICES", "100"))
DASHBOARDS = int(os.environ.get("PAGE_DASHBOARDS", "100"))
HOLD_S = float(os.environ.get("PAGE_HOLD_S", "240"))
FLEET = int(os.environ.get("PAGE_FLEET", "1000"))
FLAPPING_S = 30.0
WATCHED = 3
EVERY_MS = 100
LOADS = 5
IDS = {
    "device": "virtual_1",
    "flow": "bioreactor",
    "run": "none",
    "deployment": "none",
    "dashboard": "none",
}
"""What is there to be looked at; also a page that finds nothing has been loaded."""
WATCH_VALUES = """
globalThis.__late = [];
new MutationObserver((changes) => {
  const now = Date.now();
  for (const { target } of changes) {
    const at = Number(target.getAttribute("data-at"));
    if (at && target.dataset.testid === "panel-value") globalThis.__late.push(now - at);
  }
}).observe(document.body, { subtree: true, attributeFilter: ["data-at"] }); 0
"""


def main() -> None:
    """Print the figures."""
    with (
        tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder,
        ExitStack() as all_,
    ):
        stack = RunningStack(Path(folder) / "data", "--runtime", "process")
        stack.start()
        all_.callback(stack.stop)
        browser = all_.enter_context(running_chromium())
        _tell_loads(stack, browser)
        if FLEET:
            _tell_flapping(stack, browser)
        _tell_live(stack, browser)
    figure("page", "load_average", round(os.getloadavg()[0], 1), "1 min")


# --- loading ---


def _tell_loads(stack: RunningStack, browser: Browser) -> None:
    painted, tasks, abroad = [], [], set()
    for _ in range(LOADS):
        opened = Opened(stack, browser)
        opened.sign_in()
        painted.append(
            opened.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            )
        )
        tasks.append(opened.long_tasks_ms())
        first_kb = opened.gzip_kb()
        if len(painted) == LOADS:
            for route in routes():
                if not route.endswith("/design"):
                    opened.go(place(route, IDS))
            opened.page.wait_for_load_state("networkidle")
            figure("page", "session_gzip_kb", round(opened.gzip_kb(), 1), "kB")
        abroad |= opened.abroad
        opened.close()
    figure("page", "first_load_gzip_kb", round(first_kb, 1), "kB")
    figure("page", "first_contentful_paint_ms", round(median(painted)), "ms")
    _tell_long_tasks("load", median(map(len, tasks)), median(map(sum, tasks)))
    figure("page", "external_hosts_contacted", len(abroad), "addresses")


def _tell_long_tasks(when: str, number: float, sum_ms: float) -> None:
    figure("page", f"long_tasks_at_{when}", round(number), "tasks over 50 ms")
    figure("page", f"long_tasks_at_{when}_ms", round(sum_ms), "ms")


def _tell_flapping(stack: RunningStack, browser: Browser) -> None:
    """The fleet page before a large fleet of which half come and go."""
    with swarm(stack, FLEET, flapping="50%", scan="60s"):
        opened = Opened(stack, browser)
        opened.sign_in()
        time.sleep(5)  # it stands
        _tell_long_tasks(f"load_of_{FLEET}", *_number_and_sum(opened.long_tasks_ms()))
        time.sleep(FLAPPING_S)
        _tell_long_tasks(
            f"flapping_of_{FLEET}", *_number_and_sum(opened.long_tasks_ms())
        )
        opened.close()


def _number_and_sum(tasks_ms: list[float]) -> tuple[int, float]:
    return len(tasks_ms), sum(tasks_ms)


# --- a hundred dashboards ---


def _tell_live(stack: RunningStack, browser: Browser) -> None:
    setting = Setting(
        data=str(stack.data),
        port=stack.port,
        devices=DEVICES,
        every_ms=EVERY_MS,
        onlookers=DASHBOARDS - WATCHED,
        watched=WATCHED,
    )
    with ExitStack() as all_:
        for name in ("plant", "onlookers"):
            all_.enter_context(ours(name, setting)).until("ready")
        probe = all_.enter_context(ours("probe", setting))
        probe.until("ready")
        pages = [_dashboard(stack, browser, number) for number in range(WATCHED)]
        memory = Memory(stack)
        alone = _measured(pages, probe, memory)
        with ours("stalled", setting) as stalled:
            beside = _measured(pages, probe, memory)
            cut = stalled.told("cut")
        lost = probe.told("lost")
        for page in pages:
            page.close()
    _tell_lateness(*alone, "")
    _tell_lateness(*beside, "_beside_stalled")
    figure("page", "links_lost", len(lost), "of the bare subscriber")
    figure("page", "stalled_browsers_cut", len(cut), "browsers")
    slope, rss = memory.slope_mib_per_min(), memory.rss_mib()
    figure("page", "router_rss_slope_mib_per_min", round(slope, 2), "MiB/min")
    figure("page", "router_rss_mib", round(rss), "MiB")


def _dashboard(stack: RunningStack, browser: Browser, number: int) -> Opened:
    opened = Opened(stack, browser)
    opened.sign_in()
    opened.go(f"dashboards/{dashboard_id(number)}")
    opened.page.locator('[data-testid="panel-value"][data-at]').first.wait_for()
    opened.evaluate(WATCH_VALUES)
    return opened


def _measured(
    pages: list[Opened], probe: Telling, memory: Memory
) -> tuple[list[float], list[float]]:
    """How late values were in the DOM, and at the bare subscriber."""
    for page in pages:
        page.evaluate("globalThis.__late.splice(0).length")
    probe.told("heard")
    until_s = time.monotonic() + HOLD_S / 2
    late: list[float] = []
    while time.monotonic() < until_s:
        pages[0].page.wait_for_timeout(1000)
        memory.look()
        for page in pages:
            late += page.evaluate("globalThis.__late.splice(0)")
    bare = [ms for line in probe.told("heard") for ms in line["ms"]]
    if not (late and bare):
        raise RuntimeError(
            f"heard {len(bare)} samples, saw {len(late)}: look at the log"
        )
    return late, bare


def _tell_lateness(late: list[float], bare: list[float], how: str) -> None:
    for percent in (50, 99):
        value, against = percentile(late, percent), percentile(bare, percent)
        figure(
            "page",
            f"sample_to_dom_p{percent}_ms{how}",
            round(value),
            "ms",
            round(value / max(against, 1), 1),
            f"a bare subscriber's p{percent}, {against:.0f} ms",
        )
    figure("page", f"samples_in_dom{how}", len(late), "samples")
