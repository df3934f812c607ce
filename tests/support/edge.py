"""What the fault tests of a device share: what a run tells when nothing happens."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from heddle.contract.runs import RunStatus
from tests.support.device import Ledger, running_agent, running_site, settings
from tests.support.router import InProcRouter
from tests.support.waiting import until

ANSWERS = ("COMMAND_EXECUTED", "COMMAND_FAILED")  # come when the device has answered
_OF_THE_MOMENT = ("late_by_ms",)  # how long the engine was away


class Story(NamedTuple):
    """All a run told, but for the moments; the device's answers in no order."""

    events: list[tuple[str, dict[str, Any]]]
    answers: Counter[tuple[str, str]]


def story(ledger: Ledger, run: str) -> Story:
    """What fleetdata has of a run, which is whole and in order."""
    assert ledger.numbers(run) == list(range(len(ledger.numbers(run))))
    told = [
        (event.type, {k: v for k, v in event.data.items() if k not in _OF_THE_MOMENT})
        for of, event in ledger.events
        if of == run
    ]
    return Story(
        [(kind, data) for kind, data in told if kind not in ANSWERS],
        Counter((kind, str(data)) for kind, data in told if kind in ANSWERS),
    )


async def undisturbed(router: InProcRouter, folder: Path) -> Story:
    """The example, run where nothing happens."""
    async with running_site(router, folder) as site:
        config = settings(router, site.data, time_scale=200.0)
        async with running_agent(router.reactor, config):
            await site.until_online()
            await site.install()
            run = await site.start()
            report = await site.until_ended(run)
        assert report.status is RunStatus.FINISHED
        return story(site.ledger, run)


def kept(data: Path, run: str) -> int:
    """How many of a run's events are in the device's outbox, or were."""
    with closing(sqlite3.connect(f"file:{data}/outbox.sqlite?mode=ro", uri=True)) as db:
        found = db.execute("select next_event from run where run = ?", (run,))
        return sum(number for (number,) in found)


async def until_over(reactor: Any, data: Path, run: str, as_ever: Story) -> None:
    """Until a run has told all it can, though nobody hears it."""
    events = len(as_ever.events) + as_ever.answers.total()

    async def over() -> bool:
        return kept(data, run) == events

    await until(reactor, over, within_s=120)
