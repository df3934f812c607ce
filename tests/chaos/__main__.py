"""The chaos run: ``python -m tests.chaos --seed N --minutes M``, or ``make chaos``.

A small fleet works: a real stack with its virtual device, a device with tags of every
type, and three whose flows run all the time, while releases are deployed, good and bad
ones, and readers ask by WAMP and REST. For M minutes processes are killed (-9) and
stopped, links reset, frozen, delayed and throttled, clocks set, disks filled and cables
pulled, by a plan that follows from the seed and is printed first. Then all settles, and
an auditor compares what the devices produced with what the centre holds, each run with
its engine's journal, each deployment with what is promised of it, and how the memory of
each process moved.

It prints lines of JSON: the plan, what was compared, and last the outcome; a summary
for people is on stderr. The exit code is 1 if anything was not as it should be: each
flaw is told with its time and the misfortunes around it, and the folder is kept.

A seed and a length give the same plan again. Processes have moments of their own, so a
failure comes again as far as they allow.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import task
from twisted.internet.defer import Deferred

from tests.chaos.fleet import running_fleet, tell
from tests.chaos.plan import Plan, make_plan
from tests.chaos.run import Outcome, Run


def main(arguments: list[str]) -> int:
    """The exit code: 1 if there is a flaw."""
    options = _options(arguments)
    plan = make_plan(options.seed, options.minutes)
    _print_plan(plan)
    if options.plan:
        return 0
    folder = options.keep or Path(tempfile.mkdtemp(prefix="heddle-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing is left behind
    outcomes: list[Outcome] = []
    try:
        with running_fleet(folder.absolute()) as fleet:
            _react(fleet, plan, outcomes)
    except pytest.fail.Exception as failure:  # of the shared fixtures
        tell(str(failure))
    outcome = outcomes[0] if outcomes else None
    if outcome is None:
        tell(f"the fleet did not come up; all is in {folder}")
        return 1
    _print_outcome(outcome)
    failed = bool(outcome.happened.flaws)
    if failed or options.keep:
        tell(f"logs, journals and outboxes are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if failed else 0


def _react(fleet: Any, plan: Plan, outcomes: list[Outcome]) -> None:
    with ExitStack() as held:

        async def go(reactor: Any) -> None:
            run = Run(reactor, fleet, plan, plan.seed)
            held.callback(run.abandon)  # whoever ends us: no misfortune comes after
            outcomes.append(run.outcome)
            await run.go()

        with suppress(SystemExit):  # how ``react`` ends
            task.react(lambda reactor: Deferred.fromCoroutine(go(reactor)))


def _print_plan(plan: Plan) -> None:
    _print(chaos="plan", **plan.as_json())
    tell(f"seed {plan.seed}, {plan.minutes:g} minutes, {len(plan.faults)} misfortunes")
    tell(f"spared are {', '.join(plan.spared)}")
    for fault in plan.faults:
        sys.stderr.write(f"  {fault}\n")


def _print_outcome(outcome: Outcome) -> None:
    for life in outcome.lives:
        _print(chaos="memory", **asdict(life))
    for one in outcome.deployments:
        _print(chaos="deployment", **asdict(one))
    for verdict in outcome.audited.streams if outcome.audited else ():
        _print(chaos="stream", **asdict(verdict))
    flaws = [
        {"what": one.what, "at": one.at, "around": outcome.happened.around(one.at)}
        for one in outcome.happened.flaws
    ]
    figures = _figures(outcome)
    _print(chaos="outcome", seed=outcome.plan.seed, **figures, flaws=flaws)
    _tell_memory(outcome)
    for name, value in figures.items():
        tell(f"{name.replace('_', ' ')}: {value}")
    for flaw in flaws:
        at = flaw["at"]
        when = time.strftime("%H:%M:%S", time.gmtime(at)) if at else "at some time"
        tell(f"FLAW {when}: {flaw['what']}")
        for fault in flaw["around"]:
            tell(f"     about then: {fault}")
    again = f"--seed {outcome.plan.seed} --minutes {outcome.plan.minutes:g}"
    tell(f"{len(flaws)} flaws; again: python -m tests.chaos {again}")


def _figures(outcome: Outcome) -> dict[str, Any]:
    audited = outcome.audited
    streams = audited.streams if audited else []
    made = [one for one in outcome.happened.faults if not one.note]
    return {
        "minutes": outcome.plan.minutes,
        "took_s": outcome.took_s,
        "misfortunes": outcome.happened.counts(),
        "left_out": len(outcome.happened.faults) - len(made),
        "produced": _by_stream(streams, "produced"),
        "stored": _by_stream(streams, "stored"),
        "told_as_lost": _by_stream(streams, "lost"),
        "runs": audited.runs if audited else 0,
        "run_events": audited.events if audited else 0,
        "runs_of_journals": audited.journalled if audited else 0,
        "deployments": len(outcome.deployments),
        "readers": outcome.readers,
        "grows": [f"{x.name} ({x.pid})" for x in outcome.lives if x.grows],
        "ended_by_themselves": outcome.ended_by_themselves,
        "tracebacks": outcome.tracebacks,
    }


def _by_stream(streams: list[Any], what: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in streams:
        name = str(one.stream)
        found[name] = found.get(name, 0) + getattr(one, what)
    return found


def _tell_memory(outcome: Outcome) -> None:
    """The longest life of each process."""
    longest: dict[str, Any] = {}
    for life in outcome.lives:
        if life.name not in longest or longest[life.name].lived_s < life.lived_s:
            longest[life.name] = life
    tell("memory, MiB: first, last, most, slope per minute, of the longest life")
    for name, life in longest.items():
        slope = life.slope_mib_per_min
        told = "too short" if slope is None else f"{slope:+.3f}"
        sizes = f"{life.first_mib:8.1f} {life.last_mib:8.1f} {life.most_mib:8.1f}"
        sys.stderr.write(f"  {name:<34} {life.lived_s:7.0f} s {sizes}  {told}\n")


def _print(**what: Any) -> None:
    sys.stdout.write(json.dumps(what, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=(__doc__ or "").partition("\n")[0]
    )
    seed = random.randrange(1_000_000)  # noqa: S311 -- no secret
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--keep", type=Path, help="a folder for everything, to be kept")
    parser.add_argument("--plan", action="store_true", help="print the plan, and end")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
