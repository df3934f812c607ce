"""One run as the engine holds it, and what a turn would make of it.

A ``Runner`` is what is true: its inputs are in the journal. A ``Move`` is a draft: the
turn lets a run take inputs there, the journal keeps them, and only then ``adopt`` makes
the draft true. A turn the disk has no room for just drops its drafts.
"""

from collections.abc import Iterable
from math import ceil, floor

from twisted.logger import Logger

from edge_agent.engine.flows import Flow
from edge_agent.engine.journal import InputRow, RunRow
from edge_agent.engine.records import (
    decode_input,
    decode_run,
    encode_event,
    encode_input,
    encode_run,
)
from edge_agent.engine.steady import SLACK_MS
from heddle.workflow.effects import Effect, Execute, Tell
from heddle.workflow.engine import step
from heddle.workflow.inputs import Input
from heddle.workflow.run import ENDED, MOVING, Run, Status, outstanding

log = Logger()


class Runner:
    """One run: its state, its place in the journal, its events since the snapshot."""

    __slots__ = (
        "acked",
        "broken",
        "drift_us",
        "events",
        "first",
        "flow",
        "id",
        "inputs",
        "key",
        "run",
        "sent",
        "snapshotted",
        "unfinished",
    )

    def __init__(
        self, row: RunRow, flow: Flow, unfinished: Iterable[Execute] = ()
    ) -> None:
        self.key = row.key
        self.id = row.id
        self.flow = flow
        self.run = decode_run(row.state)
        self.inputs = row.inputs  # how many it has taken
        self.snapshotted = row.inputs  # how many of them the snapshot holds
        self.first = self.run.events  # number of the first event in ``events``
        self.events: list[bytes] = []  # told since the snapshot; earlier on disk
        self.acked = self.sent = row.acked
        self.broken = False
        self.drift_us = row.drift_us  # see ``Move.resume_at``
        # commands of a finished run; of a moving one they are in ``run.pending``
        self.unfinished = {asked.key: asked for asked in unfinished}

    def unanswered(self) -> list[Execute]:
        """The commands the device has not answered."""
        asked = outstanding(self.flow.workflow, self.run)
        waiting = [one for one in asked if isinstance(one, Execute)]
        return [*waiting, *self.unfinished.values()]

    def acknowledge(self, next_number: int) -> None:
        """Events below ``next_number`` are no longer needed."""
        self.acked = next_number
        self.sent = max(self.sent, next_number)
        if next_number > self.first:
            del self.events[: next_number - self.first]
            self.first = next_number

    def due_at_ms(self) -> int | None:
        """The earliest deadline, unless the run is paused or has ended."""
        if self.run.status not in MOVING:
            return None
        return min(
            [d for d in self.run.listening.values() if d is not None], default=None
        )

    def is_watching(self) -> bool:
        """Whether new readings may move the run."""
        workflow = self.flow.workflow
        if not workflow.tags or self.run.status not in MOVING:
            return False
        return any(workflow.listeners[x].tags for x in self.run.listening)

    def is_quiet(self) -> bool:
        """Whether only a deadline or a request can make it do anything."""
        return (
            self.acked == self.run.events
            and not self.run.pending
            and not self.unfinished
            and not self.broken
            and not self.is_watching()
        )


class Move:
    """What one turn would make of a run."""

    __slots__ = (
        "created",
        "drift_us",
        "events",
        "executes",
        "forgotten",
        "inputs",
        "run",
        "runner",
        "settled",
        "snapshot",
        "unfinished",
    )

    def __init__(self, runner: Runner, *, created: RunRow | None = None) -> None:
        self.runner = runner
        self.run = runner.run
        self.drift_us = runner.drift_us
        self.inputs: list[InputRow] = []
        self.events: list[bytes] = []
        self.executes: list[Execute] = []
        self.created = created
        self.forgotten = False
        self.snapshot = False
        self.unfinished: dict[int, Execute] = {}
        self.settled: list[int] = []

    def pause_at(self, exact_ms: float) -> int:
        """The whole millisecond at which a pause begins: not after it did."""
        at_ms = floor(exact_ms + SLACK_MS)
        self.drift_us -= round((exact_ms - at_ms) * 1000)
        return at_ms

    def resume_at(self, exact_ms: float) -> int:
        """The one at which it ends: gives back what rounding took in earlier ones.

        So a thousand pauses make a timer at most two ms late, and never early.
        """
        at_ms = ceil(exact_ms + self.drift_us / 1000 - SLACK_MS)
        self.drift_us += round((exact_ms - at_ms) * 1000)
        return at_ms

    def take(self, received: Input, skew_ms: int) -> bool:
        """Let the run take an input; whether it changed anything."""
        runner = self.runner
        if runner.broken:
            return False
        try:
            outcome = step(runner.flow.workflow, self.run, received)
        except Exception:  # noqa: BLE001 -- a defect stops this run, not the others
            log.failure(
                "run {run} is held: step failed on {input!r}",
                run=runner.id,
                input=received,
            )
            runner.broken = True
            return False
        if outcome.run is self.run and not outcome.effects:
            return False
        seq = runner.inputs + len(self.inputs)
        payload = encode_input(received)
        self.inputs.append(
            InputRow(runner.key, seq, received.at_ms, skew_ms, self.drift_us, payload)
        )
        before, self.run = self.run, outcome.run
        self._note(outcome.effects, skew_ms)
        if self.has_ended() and before.status not in ENDED:
            self._end(before)
        return True

    def _note(self, effects: tuple[Effect, ...], skew_ms: int) -> None:
        for effect in effects:
            if isinstance(effect, Tell):
                self.events.append(encode_event(self.runner.id, effect, skew_ms))
            elif isinstance(effect, Execute):
                self.executes.append(effect)
            # Arm and Disarm: the deadlines are in ``run.listening``

    def _end(self, before: Run) -> None:
        """A finished run's last commands are still due; a terminated one is silent."""
        if self.run.status is not Status.FINISHED:
            self.executes.clear()
            return
        asked = outstanding(self.runner.flow.workflow, before)
        waiting = [one for one in asked if isinstance(one, Execute)]
        self.unfinished = {one.key: one for one in (*waiting, *self.executes)}

    def settle(self, number: int) -> bool:
        """The device answered a command; whether it was one of a finished run."""
        if self.unfinished.pop(number, None) is not None:
            return True
        waits = number in self.runner.unfinished and number not in self.settled
        if waits:
            self.settled.append(number)
        return waits

    def is_to_be_written(self) -> bool:
        """Whether the journal must hear of it."""
        return bool(self.inputs or self.settled or self.snapshot)

    def has_ended(self) -> bool:
        """Whether the run is over."""
        return self.run.status in ENDED

    def unsnapshotted(self) -> int:
        """How many inputs a recovery would have to take again."""
        runner = self.runner
        return runner.inputs + len(self.inputs) - runner.snapshotted

    def told(self) -> list[bytes]:
        """The events since the last snapshot that were not acknowledged."""
        return [*self.runner.events, *self.events]

    def row(self, at_ms: int) -> RunRow:
        """The run as a snapshot keeps it."""
        runner = self.runner
        inputs = runner.inputs + len(self.inputs)
        return RunRow(
            runner.key,
            runner.id,
            runner.flow.key,
            runner.acked,
            inputs,
            at_ms,
            self.drift_us,
            encode_run(self.run),
        )

    def adopt(self) -> None:
        """The journal has it: make it true."""
        runner = self.runner
        runner.run = self.run
        runner.drift_us = self.drift_us
        runner.inputs += len(self.inputs)
        runner.events.extend(self.events)
        if self.unfinished:
            runner.unfinished |= self.unfinished
        for number in self.settled:
            del runner.unfinished[number]
        if self.snapshot:
            runner.snapshotted = runner.inputs


def recover(runner: Runner, inputs: Iterable[InputRow]) -> Runner:
    """The run as it was: on its snapshot, every input after it is taken again."""
    for kept in inputs:
        move = Move(runner)
        move.drift_us = kept.drift_us
        move.take(decode_input(kept.payload), kept.skew_ms)
        move.adopt()
        runner.inputs = kept.seq + 1
    if runner.acked > runner.first:
        runner.acknowledge(min(runner.acked, runner.run.events))
    return runner
