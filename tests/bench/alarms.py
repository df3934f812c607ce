"""Alarms: how many tags a core carries, memory, Node-RED, and edge against centre.

``python -m tests.bench alarms`` also compares 1,000,000 random samples as a device
judges them with how fleetdata does, restarts included; it fails if they differ.
"""

import random
import sys
import tempfile
import time
from array import array
from pathlib import Path
from statistics import median, quantiles

from heddle.alarms.table import AlarmTable
from tests.bench.harness import figure
from tests.bench.peers.environments import PeerUnavailable, node, node_with
from tests.bench.peers.heddle_limits import LIMITS, SECOND_US, rules
from tests.bench.peers.program import Program
from tests.support.alarms import (
    assorted_rules,
    by_alarm,
    told_at_centre,
    told_at_edge,
)

NODE_RED = "5.0.7"
PEERS = Path(__file__).parent / "peers"
ROUNDS = 15
SAMPLES = 20_000  # in a slice of either side
TAGS, SECONDS = 100_000, 20
MANY, MANY_TAGS, BATCH = 1_000_000, 200, 1_000


def main() -> None:
    """Print the figures."""
    one_core()
    memory()
    edge_and_centre()
    try:
        node_red()
    except PeerUnavailable as reason:
        print(f"bench: no figures against Node-RED: {reason}", file=sys.stderr)
        raise SystemExit(1) from None


def wander(tags: int, rounds: int) -> "array[float]":
    """Each tag's value wanders between 0 and 100; one in 50 samples moves an alarm."""
    rng = random.Random(1)  # noqa: S311 -- not a secret
    levels = [rng.uniform(20, 80) for _ in range(tags)]
    values = array("d")
    for _ in range(rounds):
        for n in range(tags):
            step = rng.gauss(0, 4) + (50 - levels[n]) * 0.01
            levels[n] = min(max(levels[n] + step, 0), 100)
        values.extend(levels)
    return values


# --- how many tags a core carries ---


def one_core() -> None:
    """All tags once a second, in batches of 1,000 samples as they come from devices."""
    values = wander(TAGS, SECONDS)
    table = AlarmTable(rules(TAGS))
    slots = [table.slot(f"t{n}") for n in range(TAGS)]
    busy, bare, moved = [], [], 0
    flags = [0] * TAGS
    for second in range(SECONDS):
        begun = time.process_time()
        for first in range(second * TAGS, (second + 1) * TAGS, BATCH):
            moved += judge(table, slots, values, first, second)
        table.due(second * SECOND_US)
        mine = time.process_time() - begun
        begun = time.process_time()
        by_hand(flags, values, second)
        if second:  # the first one finds everything cold
            busy.append(mine)
            bare.append(time.process_time() - begun)
    pairs = zip(bare, busy, strict=True)
    name = "a hand-written loop over the same samples"
    ratio = median(theirs / mine for theirs, mine in pairs)
    carried = round(TAGS / median(busy))
    figure("alarms", "tags_at_1hz_one_core", carried, "tags", round(ratio, 3), name)
    share = moved / len(values)
    figure("alarms", "transitions_per_sample", round(share, 4), "")


def judge(
    table: AlarmTable, slots: list[int], values: "array[float]", first: int, second: int
) -> int:
    """A batch of consecutive tags; how many transitions came of it."""
    tag = first % TAGS
    told = table.update_columns(
        slots[tag : tag + BATCH],
        range(BATCH),
        array("q", [second * SECOND_US]) * BATCH,
        values[first : first + BATCH],
        bytes(BATCH),
    )
    return len(told)


def by_hand(flags: list[int], values: "array[float]", second: int) -> None:
    """The least that can be done: four comparisons and a memory."""
    hihi, hi, lo, lolo = LIMITS.values()
    start = second * TAGS
    for n, x in enumerate(values[start : start + TAGS]):
        now = (x >= hihi) + 2 * (x >= hi) + 4 * (x <= lo) + 8 * (x <= lolo)
        if now != flags[n]:
            flags[n] = now


# --- memory ---


def memory() -> None:
    """What an alarm weighs, rule and all, in a process of its own."""
    with Program("memory", sys.executable, "-m", "tests.bench.alarms") as other:
        each = other.seconds(TAGS)
    figure("alarms", "kib_per_alarm", round(each, 3), "KiB")


def weigh() -> None:
    """For each number of tags on stdin: KiB an alarm, four on each tag."""
    for line in sys.stdin:
        before = rss_kib()
        table = AlarmTable(rules(int(line)))
        slots = [table.slot(f"t{n}") for n in range(int(line))]
        for second in (1, 2):
            for slot in slots:
                table.update(slot, second * SECOND_US, 50.0 + second)
        print((rss_kib() - before) / len(table), flush=True)


def rss_kib() -> int:
    """Of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("/proc/self/status has no VmRSS")


# --- one result ---


def edge_and_centre() -> None:
    """A million random samples of every kind of alarm, on both paths."""
    given = assorted_rules(MANY_TAGS)
    at_edge = told_at_edge(given, MANY_TAGS, MANY, BATCH)
    at_centre = told_at_centre(given, MANY_TAGS, MANY, BATCH, restart=True)
    if by_alarm(at_edge) != by_alarm(at_centre):
        raise SystemExit("bench: edge and centre do not tell the same")
    name = "transitions_alike_of_1000000_samples"
    figure("alarms", name, len(at_edge), "transitions")


# --- Node-RED ---


def node_red() -> None:
    """The same samples on both sides, in slices by turns."""
    folder = node_with("node-red", NODE_RED)
    script = folder / "limits.mjs"  # imports are looked up from where it lies
    script.write_bytes((PEERS / script.name).read_bytes())
    with tempfile.NamedTemporaryFile(dir=".build") as file:
        file.write(wander(1_000, 300).tobytes())
        file.flush()
        ours = (sys.executable, "-m", "tests.bench.peers.heddle_limits", file.name)
        theirs = (node(), script, file.name)
        with Program("heddle", *ours) as mine, Program("node-red", *theirs) as other:
            pairs = [
                (SAMPLES / mine.seconds(SAMPLES), SAMPLES / other.seconds(SAMPLES))
                for _ in range(ROUNDS + 1)
            ][1:]
            if (told := mine.seconds(0)) != other.seconds(0):
                raise SystemExit("bench: Node-RED does not tell the same transitions")
    ratios = [own / their for own, their in pairs]
    figure(
        "alarms",
        "updates_per_s_vs_node_red",
        round(median(own for own, _ in pairs)),
        "1/s",
        round(median(ratios), 1),
        f"Node-RED {NODE_RED}, 1,000 tags with 4 limits, {told:.0f} transitions alike",
    )
    low, _, high = quantiles(ratios)
    spread = f"half of {ROUNDS} rounds within {low:.1f} and {high:.1f}"
    print(f"bench: updates_per_s_vs_node_red: {spread}", file=sys.stderr)


if __name__ == "__main__":
    weigh()
