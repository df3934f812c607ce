"""The agent's newest log lines in memory, for who cannot get at its console.

It observes what is logged, so that asking costs the log nothing; lines of all levels
from ``info`` up, in bounds of number and size. What is older is where standard error
goes: the journal of systemd, or Docker's log.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from twisted.logger import ILogObserver, LogLevel, eventAsText, globalLogPublisher
from zope.interface import implementer

from heddle.contract.upkeep import LogLevel as Level
from heddle.contract.upkeep import LogLine
from heddle.wamp.process import NOISY

MAX_LINES = 2000
MAX_CHARACTERS = 1_000_000
LONGEST_LINE = 8000

_LEVELS: Mapping[Any, Level] = {
    LogLevel.debug: Level.DEBUG,
    LogLevel.info: Level.INFO,
    LogLevel.warn: Level.WARN,
    LogLevel.error: Level.ERROR,
    LogLevel.critical: Level.CRITICAL,
}
GRAVITY = {level: n for n, level in enumerate(Level)}


@implementer(ILogObserver)
class Diary:
    """The newest lines."""

    def __init__(self, started_at_ms: int) -> None:
        self._lines: deque[LogLine] = deque()
        self._characters = 0
        self.kept_since_ms = started_at_ms

    def begin(self) -> None:
        """Listen to the log."""
        globalLogPublisher.addObserver(self)

    def end(self) -> None:
        """Listen no more."""
        globalLogPublisher.removeObserver(self)

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take note of an event of Twisted's log."""
        level = _LEVELS.get(event.get("log_level"))
        if level is None or level is Level.DEBUG:
            return
        origin = str(event.get("log_namespace", ""))
        if GRAVITY[level] < GRAVITY[Level.WARN] and origin.partition(".")[0] in NOISY:
            return
        text = eventAsText(dict(event), includeTimestamp=False, includeSystem=False)
        self._keep(
            LogLine(
                at_ms=int(event["log_time"] * 1000),
                level=level,
                origin=origin,
                text=text[:LONGEST_LINE],
            )
        )

    def newest(self, tail: int, since_ms: int, level: Level) -> tuple[LogLine, ...]:
        """At most ``tail`` lines of that gravity, oldest first."""
        found: list[LogLine] = []
        for line in reversed(self._lines):
            if line.at_ms < since_ms or len(found) == tail:
                break
            if GRAVITY[line.level] >= GRAVITY[level]:
                found.append(line)
        return tuple(reversed(found))

    def _keep(self, line: LogLine) -> None:
        self._lines.append(line)
        self._characters += len(line.text)
        while len(self._lines) > MAX_LINES or self._characters > MAX_CHARACTERS:
            gone = self._lines.popleft()
            self._characters -= len(gone.text)
            self.kept_since_ms = self._lines[0].at_ms if self._lines else gone.at_ms
