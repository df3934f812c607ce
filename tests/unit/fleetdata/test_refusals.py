"""Refusals in the log: the first at once, the others in sum."""

from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from services.fleetdata.refusals import EVERY_S, Refusals


@pytest.fixture
def logged() -> Any:
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def test_a_device_is_told_of_once_a_minute(logged: list[Any]) -> None:
    now = 1000.0
    refusals = Refusals(lambda: now)
    for _ in range(5):
        refusals.tell("press_7", ValueError("samples.at[3] is 5"))
    refusals.tell("press_8", ValueError("no"))
    now += EVERY_S
    refusals.tell("press_7", ValueError("again"))
    now += EVERY_S
    refusals.tell("press_7", ValueError("later"))
    told = [(e["device"], e["before"], e["why"]) for e in logged if "why" in e]
    assert told == [
        ("press_7", "", "samples.at[3] is 5"),
        ("press_8", "", "no"),
        ("press_7", ", and 4 before it", "again"),
        ("press_7", "", "later"),
    ]
