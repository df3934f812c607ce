"""The example flow a new installation begins with: OSPIN 004's own."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from heddle.contract.flows import (
    INSTALL_FLOW,
    LIST_INSTALLED,
    InstallFlow,
    ListInstalled,
)
from heddle.contract.lifecycle import SAVE_FLOW, SaveFlow
from heddle.contract.runs import RUN_STATUS, START_RUN, RunQuery, StartRun
from heddle.local.folder import DEVICE
from heddle.local.stack import Stack, Tell
from heddle.wamp.session import Session

FLOW = "bioreactor"
INSTALL_WITHIN_S = 90.0


def example_definition() -> dict[str, Any]:
    """The example workflow; from the package, or from the checkout it lies in."""
    packaged = files("heddle") / "examples" / f"{FLOW}.json"
    checkout = Path(__file__).parents[2] / "examples" / "flows" / f"{FLOW}.json"
    text = packaged.read_text() if packaged.is_file() else checkout.read_text()
    found: dict[str, Any] = json.loads(text)
    return found


async def install_example(stack: Stack, tell: Tell, *, start: bool) -> None:
    """Install the example on the virtual device unless a flow is there; run it once."""
    async with stack.owner() as session:
        found = await session.call(LIST_INSTALLED, ListInstalled(), device=DEVICE)
        if not found.flows:
            await _install(session, tell)
        if start:
            await _start(session, tell)


async def _install(session: Session, tell: Tell) -> None:
    saved = await session.call(
        SAVE_FLOW,
        SaveFlow(flow=FLOW, name="Bioreactor", definition=example_definition()),
    )
    await session.call(
        INSTALL_FLOW,
        InstallFlow(
            flow=saved.flow, version=saved.version, definition=saved.definition
        ),
        timeout_s=INSTALL_WITHIN_S,
        device=DEVICE,
    )
    tell("flow", f"{FLOW} is installed on {DEVICE}")


async def _start(session: Session, tell: Tell) -> None:
    known = await session.call(RUN_STATUS, RunQuery(), device=DEVICE)
    if known.runs:
        return
    report = await session.call(START_RUN, StartRun(flow=FLOW), device=DEVICE)
    tell("run", f"{report.run} of {FLOW} is {report.status}")
