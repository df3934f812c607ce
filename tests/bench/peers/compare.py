"""The figures of bench ``engine`` that need peers.

Ours and theirs take turns in short slices, so that both meet the same weather. A figure
is the median over the rounds, its ratio the median of each round's own ratio; a wide
spread (told on stderr) means the machine was busy, and the ratio is worth little.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles

from tests.bench.harness import figure
from tests.bench.peers.durable import DurableInputs, durable_inputs
from tests.bench.peers.environments import (
    PeerUnavailable,
    node,
    node_with,
    python_with,
)
from tests.bench.peers.program import Program

XSTATE, SPIFF, DBOS = "5.33.3", "3.2.0", "3.4.0"
HERE = Path(__file__).parent
ROUNDS = 15
LENGTHS = (10, 100, 1_000, 10_000)
ITERATIONS = 20_000  # in a slice of a fast engine, about 0.2 s
STEPS = 200  # in a slice of DBOS, about half a second
INPUTS = 1_000  # in a slice of ours, about half a second
# A figure's ending, DBOS as it comes or tuned, runs side by side.
LOADS = (
    ("", "", 100),
    ("_in_turn", "", 1),
    ("_wal", "wal", 100),
    ("_wal_in_turn", "wal", 1),
)

Slice = Callable[[], float]  # works for a while and tells its rate per second


def main() -> None:
    """Print the figures; those of a peer that is not to be had are left out."""
    missing = False
    for peer, compare in (("xstate", xstate), ("spiff", spiff), ("dbos", dbos)):
        try:
            compare()
        except PeerUnavailable as reason:
            missing = True
            print(f"bench: no figures against {peer}: {reason}", file=sys.stderr)
    if missing:
        raise SystemExit(1)


def xstate() -> None:
    """LOOP(1,000) in memory, and whether ours is as fast at every length."""
    folder = node_with("xstate", XSTATE)
    script = folder / "xstate_loop.mjs"  # imports are looked up from where it lies
    script.write_bytes((HERE / script.name).read_bytes())
    with our_loop() as ours, Program("xstate", node(), script) as theirs:
        at_1000 = looping(theirs, 1_000, ITERATIONS)
        *own, other = in_turn(*(looping(ours, n, ITERATIONS) for n in LENGTHS), at_1000)
    tell("iterations_per_s_vs_xstate", own[2], other, f"xstate {XSTATE}, N=1000")
    for rounds, rates in zip(LENGTHS, own, strict=True):
        tell(f"iterations_per_s_n{rounds}", rates, own[0], "itself at N=10")


def spiff() -> None:
    """LOOP(100) in memory."""
    python = python_with("SpiffWorkflow", SPIFF)
    command = (python, "-I", HERE / "spiff_loop.py")
    with our_loop() as ours, Program("spiff", *command) as theirs:
        own, other = in_turn(looping(ours, 100, ITERATIONS), looping(theirs, 100, 200))
    tell("iterations_per_s_vs_spiff", own, other, f"SpiffWorkflow {SPIFF}, N=100")


def dbos() -> None:
    """Durable inputs against durable steps, under the loads of ``LOADS``."""
    python = python_with("dbos", DBOS)
    for ending, tuned, runs in LOADS:
        with tempfile.TemporaryDirectory(prefix="heddle-bench-", dir=".build") as name:
            folder = Path(name).resolve()
            command = (python, "-I", HERE / "dbos_steps.py", folder / "db", tuned)
            with durable_inputs(folder) as ours, Program("dbos", *command) as theirs:
                own, other = in_turn(giving(ours, runs), stepping(theirs, runs))
        how = "with a write-ahead log" if tuned else "as it comes"
        against = f"DBOS {DBOS} on SQLite {how}, {runs} run(s) side by side"
        tell(f"durable_vs_dbos{ending}", own, other, against)


def our_loop() -> Program:
    """LOOP(N) in a process of its own, as the peers have."""
    return Program("heddle", sys.executable, "-m", "tests.bench.peers.heddle_loop")


def looping(program: Program, rounds: int, iterations: int) -> Slice:
    """Iterations a second of LOOP(rounds), run as often as it takes."""
    return lambda: iterations / program.seconds(rounds, iterations // rounds)


def stepping(program: Program, workflows: int) -> Slice:
    """Steps a second, those of a workflow one after the other."""
    return lambda: STEPS / program.seconds(workflows, STEPS // workflows)


def giving(durable: DurableInputs, runs: int) -> Slice:
    """Inputs a second, those of a run one after the other."""

    def give() -> float:
        begin = time.perf_counter()
        durable.give(runs, INPUTS // runs)
        return INPUTS / (time.perf_counter() - begin)

    return give


def in_turn(*slices: Slice) -> list[list[float]]:
    """The rates of each, round by round, after a round to get warm."""
    rounds = [[work() for work in slices] for _ in range(ROUNDS + 1)]
    return [list(rates) for rates in zip(*rounds[1:], strict=True)]


def tell(name: str, own: Sequence[float], other: Sequence[float], against: str) -> None:
    """Print our rate, and what it is of the other's; on stderr, how sure that is."""
    ratios = sorted(mine / theirs for mine, theirs in zip(own, other, strict=True))
    figure("engine", name, round(median(own)), "1/s", round(median(ratios), 3), against)
    low, _, high = quantiles(ratios)
    spread = f"half of {ROUNDS} rounds within {low:.2f} and {high:.2f}"
    print(f"bench: {name}: {spread}", file=sys.stderr)
