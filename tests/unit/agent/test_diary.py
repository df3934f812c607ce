"""The log lines an agent keeps for who asks."""

import pytest
from twisted.logger import Logger

from edge_agent.upkeep import diary as module
from edge_agent.upkeep.diary import Diary
from heddle.contract.upkeep import LogLevel


@pytest.fixture
def diary():
    made = Diary(7)
    made.begin()
    yield made
    made.end()


def texts(lines) -> list[str]:
    return [line.text for line in lines]


def test_what_is_logged_is_found_again(diary) -> None:
    log = Logger("edge_agent.flow")
    log.debug("unheard")
    log.info("{flow} is ready", flow="brew")
    log.warn("careful")
    (first, second) = diary.newest(10, 0, LogLevel.INFO)
    assert (first.text, first.level, first.origin) == (
        "brew is ready",
        LogLevel.INFO,
        "edge_agent.flow",
    )
    assert texts(diary.newest(10, 0, LogLevel.WARN)) == ["careful"]
    assert texts(diary.newest(1, 0, LogLevel.INFO)) == ["careful"]
    assert diary.newest(10, second.at_ms + 1, LogLevel.INFO) == ()
    assert diary.kept_since_ms == 7


def test_a_traceback_is_one_line(diary) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        Logger().failure("it broke")
    (line,) = diary.newest(1, 0, LogLevel.CRITICAL)
    assert line.text.startswith("it broke")
    assert "ZeroDivisionError" in line.text


def test_old_lines_go_and_that_is_told(diary, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_LINES", 3)
    log = Logger()
    for n in range(5):
        log.info("{n}", n=n)
    lines = diary.newest(10, 0, LogLevel.INFO)
    assert texts(lines) == ["2", "3", "4"]
    assert diary.kept_since_ms == lines[0].at_ms
    monkeypatch.setattr(module, "MAX_CHARACTERS", 10)
    log.info("twelve signs")
    assert diary.newest(10, 0, LogLevel.INFO) == ()
    log.info("five5")
    assert texts(diary.newest(10, 0, LogLevel.INFO)) == ["five5"]


def test_what_libraries_chatter_is_left_out(diary) -> None:
    """As it is on standard error."""
    Logger("twisted.internet.protocol.Factory").info("Starting factory")
    Logger("autobahn.wamp").info("joined")
    Logger("twisted.internet").warn("something is odd")
    assert texts(diary.newest(10, 0, LogLevel.INFO)) == ["something is odd"]
