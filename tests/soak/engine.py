"""``python -m tests.soak engine``: kill the engine a thousand times, and compare.

The real engine, as a child process and in its container, is killed at random over
several workflows that go to their end. A line of JSON per runtime tells the figures;
the directory of a soak that found something is kept.

Deaths come in three ways: while the engine starts, at any moment of its life, and right
after something was sent to it. Between deaths the operator goes on with his play.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from edge_agent.engine.protocol import Acked, Forget, Reply, Status
from tests.soak.compare import differences
from tests.soak.lives import Children, Contained, Lives, build_image
from tests.soak.operating import Operator, Soaked
from tests.soak.plays import Play, plays, uninterrupted
from tests.support.engine_process import write_flow

LIVES_FOR_S = 0.25  # at most, once it can be reached
STARTS_IN_S = 0.6  # about
SHARE_WHILE_STARTING = 0.2
SHARE_AFTER_SENDING = 0.4  # of the rest
MESSAGES = 40  # at most, before that death
RUNTIMES = ("process", "container")
PROGRESS_EVERY = 25


@dataclass(frozen=True)
class Outcome:
    """What a soak found."""

    runtime: str
    seed: int
    figures: Counter[str]
    differences: list[str]


class Soak:
    """One play over many deaths."""

    def __init__(
        self, directory: Path, play: Play, runtime: str, chance: random.Random
    ) -> None:
        self._directory = directory / play.name
        self._play = play
        self._chance = chance
        self._whole = uninterrupted(directory / f"{play.name}_whole", play)
        self._directory.mkdir()
        write_flow(self._directory, play.definition)
        self._lives: Lives = (
            Children(self._directory, play.time_scale)
            if runtime == "process"
            else Contained(self._directory, play.time_scale, chance)
        )
        self.operator = Operator(play, chance)
        self.figures = self.operator.kept.figures

    def suffer(self, kills: int, on_death: Callable[[], None]) -> list[str]:
        """Die that often, come to the end, and compare."""
        try:
            for _ in range(kills):
                self._die()
                on_death()
            self.operator.wants_more = False
            self._finish()
        finally:
            said = self._lives.end()
        found = [
            *differences(
                self.operator.kept, self._play, self._whole, self.operator.runs
            ),
            *(line for line in said.splitlines() if "Traceback" in line),
        ]
        self._count()
        return [f"{self._play.name}: {flaw}" for flaw in found]

    def _die(self) -> None:
        self._lives.begin()
        if self._chance.random() < SHARE_WHILE_STARTING:
            time.sleep(self._chance.random() * STARTS_IN_S)
            self._lives.kill()
            self.figures["kills_while_starting"] += 1
            return
        with self._lives.reach(self.operator.link) as client:
            if self._chance.random() < SHARE_AFTER_SENDING:
                client.on_sent = self._death_after(self._chance.randint(1, MESSAGES))
                self.figures["kills_after_sending"] += 1
                self.operator.work(client)
            else:
                self.figures["kills_at_any_moment"] += 1
                with self._death_in(self._chance.random() * LIVES_FOR_S):
                    self.operator.work(client)

    @contextmanager
    def _death_in(self, seconds: float) -> Iterator[None]:
        timer = Timer(seconds, self._lives.kill)
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def _death_after(self, messages: int) -> Callable[[], None]:
        """Kills when so many messages were sent, before any answer is read."""
        left = iter(range(messages - 1, -1, -1))

        def sent() -> None:
            if next(left, None) == 0:
                self._lives.kill()

        return sent

    def _finish(self) -> None:
        """Live on to the end of every run, die once more, and forget them all."""
        self._lives.begin()
        with self._lives.reach(self.operator.link) as client:
            self.operator.work(client)
            for run in self.operator.runs:
                self._forget(client, run)
        self._lives.kill()
        self._lives.begin()
        with self._lives.reach(self.operator.link) as client:
            answer = client.ask(Status())
            if not isinstance(answer, Reply) or answer.runs:
                self.operator.kept.differences.append(f"not forgotten: {answer}")
        self._lives.kill()

    def _forget(self, client: Soaked, run: str) -> None:
        """Once everything is acknowledged and answered, nobody needs it any more."""
        number = self.operator.kept.events[run][-1].number
        give_up_at = time.monotonic() + 20
        client.send(Acked(run=run, next_number=number + 1))
        while not isinstance(answer := client.ask(Forget(run=run)), Reply):
            if time.monotonic() > give_up_at:
                self.operator.kept.differences.append(f"{run}: {answer}")
                return
            while client.has_more(0.01):
                client._work(client.receive())
            client.answer_commands()

    def _count(self) -> None:
        kept = self.operator.kept
        self.figures["runs"] = len(self.operator.runs)
        self.figures["events"] = sum(len(told) for told in kept.events.values())
        self.figures["commands"] = len(kept.executed)
        self.figures["pauses"] = sum(
            times for (_, name), times in kept.heeded.items() if name == "PauseRun"
        )


def soak(
    directory: Path,
    runtime: str,
    kills: int,
    seed: int,
    on_death: Callable[[], None] = lambda: None,
) -> Outcome:
    """Spread so many deaths over all plays."""
    chance = random.Random(seed)  # noqa: S311 -- a test's, not a secret's
    figures: Counter[str] = Counter()
    found: list[str] = []
    every = plays()
    for n, play in enumerate(every):
        one = Soak(directory, play, runtime, chance)
        share = kills * (n + 1) // len(every) - kills * n // len(every)
        found += one.suffer(share, on_death)
        figures.update(one.figures)
    return Outcome(runtime, seed, figures, found)


# --- the command ----------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """The exit code: 1 if anything differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak engine")
    parser.add_argument("--kills", type=int, default=1000, help="in each runtime")
    parser.add_argument("--runtime", choices=RUNTIMES, help="only this one")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args(arguments)
    seed = random.randrange(2**32) if given.seed is None else given.seed  # noqa: S311
    runtimes = [given.runtime] if given.runtime else RUNTIMES
    if "container" in runtimes and (flaw := build_image()):
        print(f"soak: no image of the engine:\n{flaw}", file=sys.stderr)
        return 2
    return max(_soaked(runtime, given.kills, seed) for runtime in runtimes)


def _soaked(runtime: str, kills: int, seed: int) -> int:
    directory = Path(tempfile.mkdtemp(prefix=f"heddle-soak-{runtime}-"))
    progress = Progress(runtime, kills, seed)
    outcome = soak(directory, runtime, kills, seed, progress.died)
    line = {
        "soak": "engine",
        "runtime": outcome.runtime,
        "seed": outcome.seed,
        "kills": kills,
        "differences": len(outcome.differences),
        "took_s": round(progress.took_s(), 1),
        **dict(sorted(outcome.figures.items())),
    }
    print(json.dumps(line), flush=True)
    for difference in outcome.differences:
        print(f"soak: {difference}", file=sys.stderr)
    if outcome.differences:
        print(f"soak: seed {seed}; its journals are in {directory}", file=sys.stderr)
        return 1
    shutil.rmtree(directory)
    return 0


class Progress:
    """Tells on stderr how far it is."""

    def __init__(self, runtime: str, kills: int, seed: int) -> None:
        self._runtime, self._kills, self._deaths = runtime, kills, 0
        self._began = time.monotonic()
        print(f"soak: {runtime}, {kills} kills, seed {seed}", file=sys.stderr)

    def took_s(self) -> float:
        return time.monotonic() - self._began

    def died(self) -> None:
        self._deaths += 1
        if self._deaths % PROGRESS_EVERY == 0:
            told = f"{self._deaths} of {self._kills} kills, {self.took_s():.0f} s"
            print(f"soak: {self._runtime}: {told}", file=sys.stderr, flush=True)
