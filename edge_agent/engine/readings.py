"""The latest readings of the tags conditions look at, and how long they may be trusted.

The agent sends what changed and vouches for the rest. When it falls silent for longer
than ``STALE_AFTER_MS``, no reading is trusted any more. The moment it last vouched is
noted in a file beside the journal, so that an engine that was away for a moment trusts
what its runs remember and one that was away for long does not. The note is not synced:
losing it makes readings stale, never fresh.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from edge_agent.engine.protocol import Value
from heddle.workflow import conditions
from heddle.workflow.conditions import is_trusted
from heddle.workflow.inputs import Quality, Reading

STALE_AFTER_MS = 10_000
MAX_TEXT = 1_000  # longer texts are not readings; they would swell the journal
_STALE = Reading(None, Quality.STALE)
_NOTE_EVERY_MS = STALE_AFTER_MS // 5
_NOTE_BYTES = 8


class VouchNote:
    """The file that remembers when readings were last vouched for (steady time)."""

    def __init__(self, file: Path) -> None:
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        noted = os.pread(self._fd, _NOTE_BYTES, 0)
        self.at_ms = int.from_bytes(noted, "big") if len(noted) == _NOTE_BYTES else 0

    def note(self, at_ms: int) -> None:
        """Remember ``at_ms``, not more often than is useful."""
        if abs(at_ms - self.at_ms) >= _NOTE_EVERY_MS:
            self.at_ms = at_ms
            try:
                os.pwrite(self._fd, at_ms.to_bytes(_NOTE_BYTES, "big"), 0)
            except OSError:
                self.at_ms = 0  # the disk is full: noted again with the next reading

    def close(self) -> None:
        """Give the file back."""
        os.close(self._fd)


class Readings:
    """What is known of the tags now."""

    def __init__(self, tags: Iterable[str], note: VouchNote) -> None:
        self._tags = frozenset(tags)
        self._note = note
        self.latest: dict[str, Reading] = {}
        self.stale_at_ms = note.at_ms + STALE_AFTER_MS

    def take(self, values: Mapping[str, tuple[Value, int]], now_ms: int) -> bool:
        """Take in what the agent sent; whether it may mean anything to a run."""
        self.stale_at_ms = now_ms + STALE_AFTER_MS
        self._note.note(now_ms)
        taken = {
            tag: _reading(value, quality)
            for tag, (value, quality) in values.items()
            if tag in self._tags
        }
        self.latest.update(taken)
        return bool(taken)

    def expire(self) -> None:
        """Trust nothing until the agent vouches again."""
        self.latest = dict.fromkeys(self._tags, _STALE)

    def news(
        self, tags: frozenset[str], remembered: Mapping[str, conditions.Value]
    ) -> dict[str, Reading]:
        """What differs, as far as it can be trusted, from what a run remembers."""
        if not self.latest:
            return {}
        return {
            tag: reading
            for tag in sorted(tags & self.latest.keys())
            if _differs(reading := self.latest[tag], remembered.get(tag))
        }

    def close(self) -> None:
        """Give the note's file back."""
        self._note.close()


def _reading(value: Value, quality: int) -> Reading:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return Reading(None, Quality.BAD)
    known = quality in (Quality.GOOD, Quality.UNCERTAIN)
    return Reading(value, Quality(quality) if known else Quality.BAD)


def _differs(reading: Reading, remembered: conditions.Value | None) -> bool:
    trusted = reading.quality <= Quality.UNCERTAIN and is_trusted(reading.value)
    value = reading.value if trusted else None
    return value != remembered or isinstance(value, bool) != isinstance(
        remembered, bool
    )
