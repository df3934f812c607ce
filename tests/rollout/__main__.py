"""``python -m tests.rollout``: the guarantees of deployments, at length.

``--schedules`` plays that many generated schedules, ``--walk`` goes through every state
of a fleet of so many devices, with every input in and out of season. Prints what was
met. The exit code is 1 if a guarantee did not hold; the line names the seed.
"""

import argparse
import sys
import time
from collections import Counter
from random import Random

from heddle.rollout.spec import Strategy
from tests.unit.rollout.guarantees import Broken, check
from tests.unit.rollout.schedules import plan, play
from tests.unit.rollout.walking import small, walk

LARGE = 100  # every so-manieth schedule has a large fleet


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.rollout")
    parser.add_argument("--schedules", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--walk", type=int, default=0, metavar="DEVICES")
    given = parser.parse_args()
    try:
        if given.walk:
            _walk(given.walk)
        if given.schedules:
            _play(given.schedules, given.seed)
    except Broken as broken:
        print(f"rollout: {broken}", file=sys.stderr)
        return 1
    return 0


def _play(schedules: int, seed: int) -> None:
    began = time.monotonic()
    counted, outcomes, targets = (Counter[str]() for _ in range(3))
    strategies = Counter[str]()
    for number in range(seed, seed + schedules):
        drawn = plan(Random(number), most=60 if number % LARGE == 0 else 12)  # noqa: S311
        try:
            told = play(drawn)
        except Broken as broken:
            raise Broken(f"seed {number}: {broken}\n{drawn}") from broken
        strategies[drawn.spec.strategy] += 1
        outcomes[told.status] += 1
        targets.update({str(status): n for status, n in told.targets.items()})
        counted["inputs"] += told.inputs
        counted["deaths"] += told.deaths
        counted["devices"] += len(drawn.moods)
    print(f"schedules  {schedules} from seed {seed}: {_listed(strategies)}")
    print(f"inputs     {counted['inputs']}, drivers that died {counted['deaths']}")
    print(f"outcomes   {_listed(outcomes)}")
    print(f"targets    {targets.total()}: {_listed(targets)}")
    print(f"seconds    {time.monotonic() - began:.0f}")


def _walk(devices: int) -> None:
    for strategy in Strategy:
        began = time.monotonic()
        edges, states = 0, set[bytes]()
        for edge in walk(small(strategy), devices):
            try:
                check(edge.before, edge.given, edge.taken)
            except Broken as broken:
                raise Broken(f"{broken}\n{edge.before}\n{edge.given}") from broken
            edges += 1
            states.add(edge.source)
        took_s = time.monotonic() - began
        what = f"{len(states)} states, {edges} steps in {took_s:.0f} s"
        print(f"walk       {strategy}, {devices} devices: {what}")


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{key} {n}" for key, n in sorted(counted.items()))


if __name__ == "__main__":
    sys.exit(main())
