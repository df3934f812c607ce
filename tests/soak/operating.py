"""The agent and the people of the soak: they live on while engines die.

The agent keeps events, answers commands and vouches for readings as the real one does,
but by chance: it acknowledges seldom, answers late, and the plant changes. People start
runs, do what the play tells them to, and meanwhile pause, resume and ask for what is
refused. Who loses an answer looks at the run and asks again.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from edge_agent.engine.protocol import (
    Acked,
    Approve,
    Command,
    Events,
    Execute,
    Executed,
    PauseRun,
    Readings,
    Refusal,
    Reply,
    ResumeRun,
    StartRun,
    Status,
    ToAgent,
    ToEngine,
    Trigger,
)
from heddle.contract.runs import RunReport, RunStatus, WorkflowEvent
from tests.soak.plays import ENDS, Play
from tests.support.engine_process import Client

TICK_S = 0.004
VOUCH_S = 0.5
ANSWERS_WITHIN_S = 0.03
AT_A_TIME = 3
EXPECTED_REFUSALS = frozenset(
    f"heddle.error.{name}"
    for name in (
        "wrong_run_state",
        "run_paused",
        "run_exists",
        "listener_not_active",
        "run_not_found",
    )
)


@dataclass
class Kept:
    """What outlives the engines: the agent's outbox and the device's memory."""

    events: dict[str, list[WorkflowEvent]] = field(default_factory=dict)
    executed: dict[tuple[str, int], Execute] = field(default_factory=dict)
    heeded: Counter[tuple[str, str]] = field(default_factory=Counter)  # run, command
    figures: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def has_ended(self, run: str) -> bool:
        told = self.events.get(run)
        return bool(told) and told[-1].type in ENDS


class Soaked(Client):
    """One connection of the agent."""

    def __init__(
        self, path: Path, kept: Kept, play: Play, chance: random.Random
    ) -> None:
        super().__init__(path)
        self.events = kept.events
        self._kept = kept
        self._play = play
        self._chance = chance
        self._to_answer: list[tuple[float, Execute]] = []
        self.on_sent: Callable[[], None] = lambda: None

    @override
    def send(self, message: ToEngine) -> None:
        super().send(message)
        self.on_sent()

    @override
    def _work(self, message: ToAgent) -> None:
        match message:
            case Events(run=run):
                self._learn(message)
                if self._chance.random() < 0.7:
                    number = self.events[run][-1].number
                    self.send(Acked(run=run, next_number=number + 1))
            case Execute():
                self._execute(message)
            case _:
                super()._work(message)

    def _learn(self, told: Events) -> None:
        """Keep what is new; what is told again has to be the same."""
        kept = self.events.setdefault(told.run, [])
        for event in told.events:
            if event.number == len(kept):
                kept.append(event)
            elif event.number > len(kept):
                self._differs(f"{told.run}: {event.number} follows {len(kept) - 1}")
            else:
                self._kept.figures["events_told_again"] += 1
                if kept[event.number] != event:
                    self._differs(f"{told.run}: told anew: {event}")

    def _execute(self, asked: Execute) -> None:
        key = (asked.run, asked.number)
        before = self._kept.executed.setdefault(key, asked)
        if before is not asked:
            self._kept.figures["commands_asked_again"] += 1
        if before != asked:
            self._differs(f"{asked.run}: command {asked.number} is another: {asked}")
        late_s = 0.0
        if before is asked and self._chance.random() < 0.5:
            late_s = self._chance.random() * ANSWERS_WITHIN_S
        self._to_answer.append((time.monotonic() + late_s, asked))

    def answer_commands(self) -> None:
        """Those whose time has come, the oldest first."""
        now = time.monotonic()
        ripe = [asked for at, asked in self._to_answer if at <= now]
        self._to_answer = [one for one in self._to_answer if one[0] > now]
        for asked in ripe:
            error = self._play.faulty.get(asked.phase)
            self.send(Executed(run=asked.run, number=asked.number, error=error))

    def _differs(self, sentence: str) -> None:
        self._kept.differences.append(sentence)


class Operator:
    """Works with one engine after the other until every run has ended."""

    def __init__(self, play: Play, chance: random.Random) -> None:
        self.kept = Kept()
        self.wants_more = True  # runs
        self.runs: list[str] = []
        self._play = play
        self._chance = chance
        self._is_warm = False
        self._changes_at = self._vouches_at = 0.0

    def done(self) -> bool:
        """Whether all that was started has ended."""
        return not self.wants_more and not self._active()

    def _active(self) -> list[str]:
        return [run for run in self.runs if not self.kept.has_ended(run)]

    def link(self, path: Path) -> Soaked:
        """Connect the agent to the engine that listens there."""
        return Soaked(path, self.kept, self._play, self._chance)

    def work(self, client: Soaked) -> None:
        """Do what is to be done until all is, or the engine is dead."""
        self._vouches_at = 0.0  # a new engine is told everything
        try:
            while not self.done():
                while client.has_more(TICK_S):
                    client._work(client.receive())
                    client.answer_commands()
                client.answer_commands()
                self._look_at_the_plant(client)
                self._act(client)
        except (EOFError, ConnectionError):
            self.kept.figures["connections_lost"] += 1

    # --- the plant ---

    def _look_at_the_plant(self, client: Soaked) -> None:
        """Warm for long enough to matter about every other time."""
        now = time.monotonic()
        if now >= self._changes_at:
            self._is_warm = not self._is_warm
            self._changes_at = now + self._chance.random() * 0.08
            self._tell(client, now)
        elif now >= self._vouches_at:
            self._tell(client, now)

    def _tell(self, client: Soaked, now: float) -> None:
        shown = self._play.warm if self._is_warm else self._play.cold
        self._vouches_at = now + VOUCH_S
        client.send(Readings(at_ms=int(time.time() * 1000), values=_good(shown)))

    # --- people ---

    def _act(self, client: Soaked) -> None:
        active = self._active()
        if self.wants_more and len(active) < AT_A_TIME:
            self.runs.append(f"{self._play.name}_{len(self.runs)}")
            active.append(self.runs[-1])
        for run in active:
            self._nudge(client, run)
        if active and self._chance.random() < 0.1:
            self._pester(client, self._chance.choice(active))

    def _nudge(self, client: Client, run: str) -> None:
        """Do what the run waits for, once all is known: answers may overtake events."""
        report = self._report(client, run)
        told = self.kept.events.get(run, [])
        if report is None:
            self._ask(client, run, StartRun(run=run))
        elif report.status is RunStatus.PAUSED:
            if self._chance.random() < 0.3:
                self._ask(client, run, ResumeRun(run=run))
        elif report.events == len(told):
            wanted = self._play.next(told, report)
            if wanted is not None:
                self._ask(client, run, wanted)
            elif self._chance.random() < 0.05:
                self._ask(client, run, PauseRun(run=run))

    def _report(self, client: Client, run: str) -> RunReport | None:
        answer = client.ask(Status(run=run))
        return answer.runs[0] if isinstance(answer, Reply) else None

    def _pester(self, client: Client, run: str) -> None:
        """Ask for what has to be refused."""
        asked = self._chance.choice(
            (
                StartRun(run=run),
                Trigger(run=run, listener="nobody"),
                Approve(run=run, listener="start"),
                ResumeRun(run=run),
            )
        )
        self._ask(client, run, asked)

    def _ask(self, client: Client, run: str, command: Command) -> None:
        self.kept.figures["requests"] += 1
        self.kept.figures["requests_unanswered"] += 1  # until it is
        answer = client.ask(command)
        self.kept.figures["requests_unanswered"] -= 1
        if isinstance(answer, Reply):
            self.kept.heeded[run, _name(command)] += 1
        elif isinstance(answer, Refusal):
            self.kept.figures["requests_refused"] += 1
            if answer.uri not in EXPECTED_REFUSALS:
                self.kept.differences.append(f"{run}: {command} got {answer}")


def _name(command: Command) -> str:
    """What tells one wanted command from another in the history."""
    match command:
        case Approve(listener=listener, comment=comment):
            return f"approve {listener} {comment}"
        case Trigger(listener=listener, by=by):
            return f"trigger {listener} {by}"
        case _:
            return type(command).__name__


def _good(shown: Mapping[str, float]) -> dict[str, tuple[float, int]]:
    return {tag: (value, 0) for tag, value in shown.items()}
