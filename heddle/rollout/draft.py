"""A deployment while it is being moved: its targets, and what is counted of them.

Made once for many inputs. Counts follow each change, so that an input costs the same
in a fleet of ten and of ten thousand.
"""

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Any

from msgspec.structs import replace

from heddle.rollout.due import Sending, head_due, target_due
from heddle.rollout.spec import Spec, Strategy
from heddle.rollout.state import Deployment, Order, Phase, Target, TargetStatus
from heddle.rollout.targets import has_ended, holds_place

HEAD = ""  # in the calendar: the deployment itself
FAILURES = frozenset({TargetStatus.FAILED, TargetStatus.TIMED_OUT})


class Tally:
    """What is counted of one wave."""

    __slots__ = ("failed", "live", "ready", "size")

    def __init__(self) -> None:
        self.size = self.live = self.failed = self.ready = 0

    def count(self, target: Target, by: int) -> None:
        """Add a target, or take it out. Thresholds are shares of those that count."""
        if target.absent or target.status is TargetStatus.SKIPPED:
            return
        self.size += by
        if target.status in FAILURES:
            self.failed += by
        elif not has_ended(target):
            self.live += by
            if target.phase is Phase.READY:
                self.ready += by


class Draft:
    """A working copy. ``head`` is the deployment but for its targets."""

    def __init__(self, state: Deployment) -> None:
        self.head = state
        self.targets = dict(state.targets)
        self.touched: set[str] = set()
        self.in_flight = 0
        self.live = 0
        self.reverting = 0  # who is to be heard before a rollback ends
        self.waves: list[list[str]] = [[] for _ in range(state.waves)]
        self.tallies = [Tally() for _ in range(state.waves)]
        self.suspects = set(range(state.waves))  # whose threshold is to be looked at
        for device, target in state.targets.items():
            if target.wave >= 0:
                self.waves[target.wave].append(device)
            self._count(target, 1)
        self.queue: deque[str] = deque()
        if state.wave >= 0:
            self.queue.extend(self.waves[state.wave])
        self.calendar: list[tuple[int, str]] | None = None  # a heap; None: to be made

    @property
    def spec(self) -> Spec:
        """What was asked."""
        return self.head.spec

    def result(self) -> Deployment:
        """What has become of it."""
        return replace(self.head, targets=self.targets)

    # --- changes ---

    def set(self, **changes: Any) -> None:
        """Change the deployment but for its targets."""
        self.head = replace(self.head, **changes)
        if "status" in changes:
            self.calendar = None  # other things may be sent now

    def stop_clocks(self, **changes: Any) -> None:
        """No wave goes on by itself any more."""
        self.set(
            next_at_ms=None,
            deadline_at_ms=None,
            prepare_at_ms=None,
            switch_at_ms=None,
            **changes,
        )

    def put(self, device: str, target: Target) -> None:
        """Change a target."""
        was = self.targets.get(device)
        if was is not None:
            if was == target:
                return
            self._count(was, -1)
        self.targets[device] = target
        self.touched.add(device)
        self._count(target, 1)
        if target.wave >= 0:
            self.suspects.add(target.wave)
        if target.retry_at_ms is not None:
            self.note(target.retry_at_ms, device)
        if target.deadline_at_ms is not None:
            self.note(target.deadline_at_ms, device)

    def place(self, devices: list[str], wave: int) -> None:
        """Put devices into a wave that is not open yet; a new one if need be."""
        while wave >= len(self.waves):
            self.waves.append([])
            self.tallies.append(Tally())
        self.waves[wave] += devices
        for device in devices:
            self.put(device, replace(self.targets.get(device, Target()), wave=wave))
        self.set(waves=len(self.waves))

    def _count(self, target: Target, by: int) -> None:
        if target.wave >= 0:
            self.tallies[target.wave].count(target, by)
        if not has_ended(target):
            self.live += by
        if target.order is None:
            return
        if holds_place(self.head.spec, target):
            self.in_flight += by
        if target.order is Order.REVERT and target.phase is not Phase.DORMANT:
            self.reverting += by

    # --- questions ---

    def of_wave(self, wave: int) -> Iterator[tuple[str, Target]]:
        """The targets of a wave, in order."""
        for device in self.waves[wave]:
            yield device, self.targets[device]

    def next_pending(self) -> str | None:
        """Whose turn it is next in the open wave."""
        while self.queue:
            target = self.targets[self.queue[0]]
            if target.status is TargetStatus.PENDING:
                return self.queue[0]
            self.queue.popleft()
        return None

    def open_queue(self) -> None:
        """The open wave is another one."""
        self.queue = deque(self.waves[self.head.wave])

    def has_place(self) -> bool:
        """Whether one more may be in flight."""
        most = self.head.spec.max_in_flight
        return not most or self.in_flight < most

    def is_unproved(self, wave: int) -> bool:
        """Whether a wave of canaries has ended without one that got the release."""
        if self.spec.strategy is not Strategy.CANARY or wave or self.tallies[0].size:
            return False
        return any(target.absent for _, target in self.of_wave(0))

    # --- time ---

    def note(self, at_ms: int, device: str = HEAD) -> None:
        """Something falls due then."""
        if self.calendar is not None:
            heappush(self.calendar, (at_ms, device))

    def fallen(self, at_ms: int) -> list[str]:
        """The devices something fell due for, by id; the deployment is among them."""
        if self.calendar is None:
            self.calendar = self._due(self.targets, at_ms)
            heapify(self.calendar)
        found = set[str]()
        while self.calendar and self.calendar[0][0] <= at_ms:
            found.add(heappop(self.calendar)[1])
        return sorted(found)

    def looked(self, devices: list[str], at_ms: int) -> None:
        """What fell due was let happen; note when something does again."""
        for when, device in self._due({x: self.targets[x] for x in devices}, at_ms):
            self.note(when, device)

    def _due(self, targets: dict[str, Target], at_ms: int) -> list[tuple[int, str]]:
        head, sending = self.head, Sending.of(self.head, at_ms)
        found = []
        for device, target in targets.items():
            when = target_due(target, head, sending)
            if when is not None:
                found.append((when, device))
        when = head_due(head, sending)
        return found if when is None else [*found, (when, HEAD)]
