"""The device's own page in a real browser; no router is there, and none is missed."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.ports import free_port
from tests.support.stack import EXAMPLE, agent_process, eventually

PLACE = {"project": "plant", "realm": "project_plant", "device": "press_7"}


class Device:
    """An enrolled agent as a process of its own, with its page on."""

    def __init__(self, data: Path, log: Path) -> None:
        data.mkdir(mode=0o700)
        (data / "enrolled.json").write_text(json.dumps(PLACE))
        self.url = f"http://127.0.0.1:{free_port()}/"
        self._token = data / "local.token"
        settings = {
            "AGENT_ROUTER_URL": f"rs://127.0.0.1:{free_port()}",
            "AGENT_DATA": str(data),
            "AGENT_RUNTIME": "process",
            "AGENT_LOCAL": self.url.removeprefix("http://").strip("/"),
        }
        self.process = agent_process(log, settings)
        eventually(lambda: "the local page is at" in log.read_text(), "the page is up")

    @property
    def token(self) -> str:
        return self._token.read_text().strip()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    found = Device(tmp_path / "device", tmp_path / "agent.log")
    yield found
    found.process.send_signal(signal.SIGCONT)
    found.process.terminate()
    found.process.wait(60)


def test_a_flow_is_added_run_and_removed_by_hand(  # noqa: PLR0915
    device: Device, page: Page
) -> None:
    flaws: list[str] = []
    page.on("pageerror", lambda flaw: flaws.append(str(flaw)))
    page.on("request", lambda asked: flaws.extend(abroad(asked.url, device.url)))
    page.goto(device.url)
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert").first).to_contain_text("not this device's")
    page.get_by_label("Token").fill(device.token)
    page.keyboard.press("Enter")
    expect(page.locator("#device")).to_have_text("press_7")
    expect(page.locator("#uplink")).to_contain_text("no link")

    page.set_input_files("#file", EXAMPLE)
    expect(page.get_by_label("Id", exact=True)).to_have_value("bioreactor")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#upload-said")).to_contain_text("version 1 is on this device")
    flow = page.locator("[data-flow=bioreactor]")
    press = lambda name: flow.get_by_role("button", name=name).click()  # noqa: E731
    press("Start")
    expect(flow.locator(".status")).to_have_text("running")
    expect(flow.locator(".current")).to_contain_text("Now phase_1 for")
    press("Pause")
    expect(flow.locator(".status")).to_have_text("paused")
    press("Resume")
    expect(flow.locator(".status")).to_have_text("running")

    device.process.send_signal(signal.SIGSTOP)  # it says nothing any more
    expect(page.locator("#stale")).to_contain_text("has not answered for")
    device.process.send_signal(signal.SIGCONT)
    expect(page.locator("#stale")).to_be_hidden()

    press("Stop …")
    page.get_by_role("button", name="Stop at once").click()
    expect(flow.locator(".status")).to_have_text("terminated")
    expect(page.locator("#changes")).to_contain_text("it waits for the centre")
    press("Remove …")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(flow).to_have_count(0)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert flaws == []


def abroad(url: str, home: str) -> list[str]:
    """The address, if it is not the device's."""
    return [] if url.startswith((home, "blob:", "data:")) else [url]
