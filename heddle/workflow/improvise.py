"""A world made up by a seed: gives approvals, lets tags wander.

It fills in what a script and recordings leave open, so that a rehearsal goes somewhere.
An approval that waits is given after a random while; a tag jumps, at random moments,
between values around those that conditions compare it with, and stays long enough for
sustained conditions to come true and for timers to have a chance. Equal seeds give
equal worlds; every tag and approval draws from a sequence of its own, so that changing
one leaves the others as they were.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from heddle.workflow.conditions import Value
from heddle.workflow.definition import Workflow
from heddle.workflow.inputs import Approve, Reading, Sampled
from heddle.workflow.refusal import awaited_approvals
from heddle.workflow.run import MOVING, Run, Status
from heddle.workflow.thresholds import Interest, interests

BY = "improvised"  # who gives the approvals
PATIENCE = 10_000  # readings in a row that led to no event, after which it gives up
_APPROVED_WITHIN_MS = 1_000, 60_000
_PACE_MS = 10_000  # the least time that counts as a while for a tag
_TIMER_PARTS = 4  # into how many such whiles the longest timer is cut
_STAYS = 0.2, 2.0  # a tag keeps a value for so many whiles


def _draw(random: Random, low: float, high: float) -> int:
    return round(low + (high - low) * random.random())


class Approving:
    """Gives approvals after a while. ``scripted``: until when a script gives them."""

    def __init__(
        self, workflow: Workflow, seed: int, scripted: Mapping[str | None, int]
    ) -> None:
        self._workflow = workflow
        self._seed = seed
        self._scripted = scripted
        self._random: dict[str, Random] = {}
        self._due: dict[str, int] = {}

    def next_at_ms(self, run: Run, now_ms: int) -> int | None:
        """When the next approval is given."""
        if run.status not in MOVING:
            self._due.clear()
            return None
        waiting = awaited_approvals(self._workflow, run)
        self._due = {
            listener: self._due.get(listener) or self._when(listener, now_ms)
            for listener in waiting
        }
        return min(self._due.values(), default=None)

    def take(self, run: Run, at_ms: int) -> Approve:
        """The approval that was announced."""
        listener = min(self._due, key=lambda one: self._due[one])
        del self._due[listener]
        return Approve(at_ms, listener, by=BY)

    def _when(self, listener: str, now_ms: int) -> int:
        random = self._random.setdefault(listener, _random(self._seed, listener))
        scripted = (self._scripted.get(one, now_ms) for one in (None, listener))
        return max(now_ms, *scripted) + _draw(random, *_APPROVED_WITHIN_MS)


def _random(seed: int, whose: str) -> Random:
    return Random(f"{seed}:{whose}")  # noqa: S311 -- repeatable, not secret


@dataclass(slots=True)
class _Wanderer:
    """A tag, and what is worth trying with it."""

    random: Random
    interest: Interest
    pace_ms: int

    def value(self) -> Value:
        levels = self.interest.levels
        return levels[int(self.random.random() * len(levels))]

    def stays_ms(self) -> int:
        while_ms = max(self.interest.sustain_ms, self.pace_ms)
        return _draw(self.random, *(times * while_ms for times in _STAYS))


class Wandering:
    """Lets the tags that ``given`` does not name wander while the run moves."""

    def __init__(
        self, workflow: Workflow, seed: int, start_at_ms: int, given: frozenset[str]
    ) -> None:
        longest_ms = max(
            (x.duration_ms for x in workflow.listeners.values()), default=0
        )
        pace_ms = max(_PACE_MS, longest_ms // _TIMER_PARTS)
        self._tags = {
            tag: _Wanderer(_random(seed, tag), interest, pace_ms)
            for tag, interest in interests(workflow).items()
            if tag not in given
        }
        self._agenda = [(start_at_ms, tag) for tag in sorted(self._tags)]
        self._events = 0
        self._in_vain = 0

    def next_at_ms(self, run: Run, now_ms: int) -> int | None:
        """When a tag takes its next value."""
        if run.events != self._events:
            self._events, self._in_vain = run.events, 0
        moves = run.status in MOVING or run.status is Status.READY
        if not moves or not self._agenda or self._in_vain > PATIENCE:
            return None
        return max(self._agenda[0][0], now_ms)

    def take(self, run: Run, at_ms: int) -> Sampled:
        """The new values of all tags whose time has come."""
        values = {}
        while self._agenda[0][0] <= at_ms:
            tag = self._agenda[0][1]
            wanderer = self._tags[tag]
            values[tag] = Reading(wanderer.value())
            heapq.heapreplace(self._agenda, (at_ms + wanderer.stays_ms(), tag))
        self._in_vain += len(values)
        return Sampled(at_ms, values)
