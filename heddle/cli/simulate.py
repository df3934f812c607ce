"""``heddle flow simulate``: a run in virtual time, its events as JSON lines.

The same file, script, recording and seed print the same bytes. What is said about the
simulation itself goes to standard error.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from heddle.cli.backtest import Backtest
from heddle.cli.ending import FAILED, MISUSED, fail
from heddle.cli.findings import printable
from heddle.cli.offline import file_argument, read_workflow
from heddle.cli.parameters import duration_ms, moment_ms, pairs
from heddle.contract.declare import FleetError
from heddle.workflow.definition import Workflow
from heddle.workflow.effects import Tell
from heddle.workflow.improvise import Approving, Wandering
from heddle.workflow.inputs import Approve, Input
from heddle.workflow.rehearse import Planned, Rehearsal, Source, started, waits
from heddle.workflow.run import ENDED
from heddle.workflow.script import BadScript, parse_script
from heddle.workflow.simulation import refused_in_words
from heddle.workflow.wording import lasting

RUN = "simulation"  # the run's name in the events' ids
DEFAULT_START = "2026-01-01T00:00:00Z"
MAX_EVENTS = 100_000


_a_file = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What the command line asks for."""

    script: Path | None
    tags: Path | None
    named: tuple[tuple[str, str], ...]
    seed: int
    quiet: bool
    start: int
    until: int | None
    max_events: int


@click.command()
@file_argument
@click.option("--script", type=_a_file, help="What people and tags do: JSON steps.")
@click.option("--tags", type=_a_file, help="Recorded readings (CSV): a backtest.")
@click.option(
    "--map",
    "named",
    callback=pairs,
    multiple=True,
    metavar="TAG=ID",
    help="Tie a recorded tag to a reporterFctId; may be repeated.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Of the world that improvises what script and recording leave open.",
)
@click.option("--quiet-world", "quiet", is_flag=True, help="Improvise nothing.")
@click.option(
    "--start",
    callback=moment_ms,
    metavar="ISO8601",
    default=DEFAULT_START,
    show_default=True,
    help="The moment the run starts, for its events' times.",
)
@click.option(
    "--until",
    callback=duration_ms,
    metavar="DURATION",
    help="Stop after so much virtual time: 90s, 15min, 2h, 7d.",
)
@click.option(
    "--max-events",
    type=click.IntRange(1),
    default=MAX_EVENTS,
    show_default=True,
    help="Stop a run that goes on and on.",
)
def simulate(file: str, **plan: Any) -> None:
    """Run a workflow FILE (- for standard input) in virtual time; print its events.

    Exit code 0: it ended, or --until came; 1: it is stuck, or the file is invalid.
    """
    workflow = read_workflow(file)
    _Simulation(workflow, _Plan(**plan)).run()


class _Simulation:
    """One simulation from its inputs to its last sentence."""

    def __init__(self, workflow: Workflow, plan: _Plan) -> None:
        self._workflow = workflow
        self._plan = plan
        self._script = _read_script(plan, workflow)
        self._backtest = _read_recording(plan, workflow)
        until_ms = None if plan.until is None else plan.start + plan.until
        self._rehearsal = Rehearsal(
            workflow, self._sources(), now_ms=plan.start, until_ms=until_ms
        )
        self._told = 0

    def run(self) -> None:
        """Print the events, then how it ended."""
        began_s = time.perf_counter()
        self._print(sys.stdout.buffer)
        elapsed_s = time.perf_counter() - began_s
        for request, refused in self._rehearsal.refused:
            why = refused_in_words(request, refused)
            _say(f"refused {self._after(request.at_ms)}: {why}")
        self._tell_speed(elapsed_s)
        sentence, code = self._ending()
        fail(printable(sentence), code) if code else _say(sentence)

    def _sources(self) -> list[Source]:
        plan, recorded = self._plan, self._backtest
        readings = recorded.inputs(plan.start) if recorded else iter(())
        planned = Planned(started(plan.start, readings, self._script))
        if plan.quiet:
            return [planned]
        given = recorded.tags if recorded else frozenset()
        given |= {tag for one in self._script for tag in getattr(one, "values", ())}
        approved = {x.listener: x.at_ms for x in self._script if isinstance(x, Approve)}
        return [
            Wandering(self._workflow, plan.seed, plan.start, given),
            planned,
            Approving(self._workflow, plan.seed, approved),
        ]

    def _print(self, out: BinaryIO) -> None:
        encoder = msgspec.json.Encoder()
        for event in self._rehearsal.events():
            out.write(encoder.encode(_event(event)) + b"\n")
            self._told += 1
            if self._told == self._plan.max_events:
                break
        out.flush()

    def _ending(self) -> tuple[str, int]:
        """How it ended, and the exit code that says so."""
        rehearsal, run = self._rehearsal, self._rehearsal.run
        when = self._after(rehearsal.now_ms)
        if run.status in ENDED:
            return f"the run is {run.status} {when}", 0
        waiting = " or ".join(waits(self._workflow, run))
        if self._told == self._plan.max_events:
            return f"still {run.status} after {self._told} events, {when}", FAILED
        if rehearsal.now_ms == rehearsal.until_ms:
            return f"stopped {when}; the run waits for {waiting or 'nothing'}", 0
        if not waiting:
            return f"the run is stuck {when}: it waits for nothing", FAILED
        hint = "; leave out --quiet-world, or script it" if self._plan.quiet else ""
        return f"nothing more can happen {when}: the run waits for {waiting}{hint}", 1

    def _after(self, at_ms: int) -> str:
        return f"after {lasting(at_ms - self._plan.start)}"

    def _tell_speed(self, elapsed_s: float) -> None:
        rehearsal = self._rehearsal
        lasted_ms = rehearsal.now_ms - self._plan.start
        speed = lasted_ms / 1000 / max(elapsed_s, 1e-6)
        readings = f", {rehearsal.samples:,} readings" if rehearsal.samples else ""
        _say(
            f"{lasting(lasted_ms)} of virtual time in {elapsed_s:.3f} s, {speed:,.0f} "
            f"times real time ({self._told:,} events{readings})"
        )


def _event(told: Tell) -> dict[str, Any]:
    """OSPIN's event."""
    return {
        "id": f"{RUN}:{told.number}",
        "type": told.type,
        "createdAt": told.at_ms,
        "number": told.number,
        "data": told.data,
    }


def _read_script(plan: _Plan, workflow: Workflow) -> list[Input]:
    if plan.script is None:
        return []
    try:
        return parse_script(plan.script.read_text(), workflow, plan.start)
    except OSError as error:
        fail(f"{plan.script}: {error.strerror}", MISUSED)
    except UnicodeDecodeError:
        fail(f"{plan.script} is not UTF-8 text", MISUSED)
    except BadScript as bad:
        for flaw in bad.flaws:
            click.echo(f"  {printable(flaw)}", err=True)
        fail(f"{plan.script} is no script for this workflow", MISUSED)


def _read_recording(plan: _Plan, workflow: Workflow) -> Backtest | None:
    if plan.tags is None:
        if plan.named:
            raise click.UsageError("--map ties tags of a recording: give one by --tags")
        return None
    try:
        return Backtest(plan.tags, workflow, plan.named)
    except FleetError as error:
        fail(printable(str(error)), MISUSED)


def _say(sentence: str) -> None:
    click.echo(f"heddle: {printable(sentence)}", err=True)
