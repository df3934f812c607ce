"""Which misfortune comes when: a pure function of the seed and the length.

Misfortunes are drawn like cards from a shuffled deck, so that a short run sees nearly
every kind, and a long one each of them many times. Some processes are spared the
``kill -9`` of a plan: only who lives long can be seen to grow. Another seed spares
others.
"""

import enum
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

FIRST_S = 3.0
MEAN_PAUSE_S, LONGEST_PAUSE_S = 4.0, 12.0
SPARED = 3
TYPED, VIRTUAL = "typed_1", "virtual_1"
WORKING = ("works_1", "works_2", "works_3")  # devices whose flows run all the time
SMALL_DISK = WORKING[0]  # whose disk can be filled
OWN = (TYPED, *WORKING)  # with a link and a clock of their own
DEVICES = (VIRTUAL, *OWN)
SERVICES = ("backend", "fleetdata", "gateway", "router", "database")


class Kind(enum.StrEnum):
    """What happens."""

    KILL = "kill"  # ``kill -9``; whoever looks after it starts it again
    STOP = "stop"  # it stands still (SIGSTOP), then goes on
    CUT = "cut"  # its link is reset, in the middle of whatever is on its way
    FREEZE = "freeze"  # its link passes nothing on, then is reset
    SLOW = "slow"  # its link is late, with jitter, or narrow
    CLOCK = "clock"  # its wall clock jumps, and later back
    FILL = "fill"  # its disk is filled to the last byte, or nearly
    CABLE = "cable"  # packets to and from a port are dropped


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One misfortune."""

    at_s: float  # after the fleet is up
    kind: Kind
    target: str
    for_s: float = 0.0
    amount: float = 0.0  # clock: s; slow: bytes/s, 0 for late; fill: bytes left;
    # of several engines, which: a fraction

    def __str__(self) -> str:
        """One line of the plan."""
        lasting = f" for {self.for_s:.1f} s" if self.for_s else ""
        match self.kind:
            case Kind.CLOCK:
                how = f" by {self.amount:+g} s"
            case Kind.SLOW:
                how = f" to {self.amount:g} bytes/s" if self.amount else " by delay"
            case Kind.FILL:
                how = f" but for {self.amount / 1e6:g} MB"
            case _:
                how = ""
        return f"{self.at_s:7.1f} s  {self.kind.value:<6} {self.target}{how}{lasting}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All misfortunes of a run, in order."""

    seed: int
    minutes: float
    spared: tuple[str, ...]  # not killed
    faults: tuple[Fault, ...]

    def as_json(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)


def make_plan(seed: int, minutes: float) -> Plan:
    """The plan of this seed; one of more minutes does not begin alike."""
    chance = random.Random(f"{seed}/{minutes:g}")  # noqa: S311 -- to be repeated
    spared = tuple(sorted(chance.sample((*DEVICES, *SERVICES), SPARED)))
    return Plan(seed, minutes, spared, tuple(_faults(chance, spared, minutes * 60)))


def _faults(
    chance: random.Random, spared: tuple[str, ...], ends_s: float
) -> Iterator[Fault]:
    at_s, free_at_s = FIRST_S, dict[str, float]()
    cards = _cards(chance, spared)
    while at_s < ends_s:
        fault = _played(chance, at_s, *next(cards))
        place = _place(fault)
        if free_at_s.get(place, 0.0) <= at_s:  # who suffers already is left alone
            left_s = ends_s - at_s
            for_s = round(min(fault.for_s, left_s), 1)
            yield Fault(fault.at_s, fault.kind, fault.target, for_s, fault.amount)
            free_at_s[place] = at_s + for_s + 1.0
        pause_s = chance.expovariate(1 / MEAN_PAUSE_S)
        at_s = round(at_s + min(max(pause_s, 0.2), LONGEST_PAUSE_S), 1)


def _place(fault: Fault) -> str:
    """What can suffer one misfortune at a time: links and processes are different."""
    links = (Kind.CUT, Kind.FREEZE, Kind.SLOW)
    return f"link of {fault.target}" if fault.kind in links else fault.target


def _cards(
    chance: random.Random, spared: tuple[str, ...]
) -> Iterator[tuple[Kind, str]]:
    engines = tuple(f"engine of {device}" for device in (VIRTUAL, *WORKING))
    deck = [
        *((Kind.KILL, name) for name in (*DEVICES, *engines, *SERVICES)),
        *((Kind.KILL, name) for name in ("backend", "fleetdata")),
        *((Kind.STOP, name) for name in (*DEVICES, *engines, *SERVICES)),
        *((Kind.CUT, name) for name in OWN),
        *((Kind.FREEZE, name) for name in OWN),
        *((Kind.SLOW, name) for name in OWN),
        *((Kind.CLOCK, name) for name in OWN),
        (Kind.FILL, SMALL_DISK),
        (Kind.FILL, "database"),
        (Kind.CABLE, "devices and people"),
        (Kind.CABLE, "services"),
    ]
    deck = [one for one in deck if one[0] is not Kind.KILL or one[1] not in spared]
    while True:
        yield from chance.sample(deck, len(deck))


def _played(chance: random.Random, at_s: float, kind: Kind, target: str) -> Fault:
    for_s = amount = 0.0
    match kind:
        case Kind.STOP:
            for_s = chance.uniform(1, 15)
        case Kind.FREEZE | Kind.CABLE:
            for_s = chance.uniform(1, 20)
        case Kind.SLOW:
            for_s = chance.uniform(5, 20)
            amount = chance.choice((0.0, 4_000.0, 20_000.0))
        case Kind.CLOCK:
            for_s = chance.uniform(5, 30)
            by_s = chance.choice((0.7, 5.0, 90.0, 3_600.0, 72_000.0))
            amount = by_s * chance.choice((-1, 1))
        case Kind.FILL:
            for_s = chance.uniform(5, 20)
            amount = chance.choice((0.0, 20e6)) if target == "database" else 0.0
        case _:
            pass
    if target.startswith("engine"):
        amount = round(chance.random(), 3)
    return Fault(at_s, kind, target, for_s, amount)
