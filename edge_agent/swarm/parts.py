"""Who the members of a swarm are: names, seeds and manners, all from one seed.

Pure. Equal settings give equal members, and a member stays who it is when the swarm
grows: what it does follows from the seed and its number alone.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from heddle.local.swarm import device_name

_UP_S, _AWAY_S = (20.0, 120.0), (5.0, 40.0)
_ENGINE_MB = 64, 112  # the 128 of the settings are enough for all
_LATENCY_S = (0.1, 0.5)  # a join takes twenty messages each way


class Manner(StrEnum):
    """How a member behaves on its link."""

    STEADY = "steady"
    FLAPPING = "flapping"  # its link breaks again and again
    MUTE = "mute"  # once online it says nothing more, though its link is alive
    SLOW = "slow"  # all it hears and says takes its time


@dataclass(frozen=True, slots=True)
class Manners:
    """Which part of the members has which manner, each from 0 to 1; the rest is
    steady.
    """

    flapping: float = 0.0
    mute: float = 0.0
    slow: float = 0.0

    def at(self, place: float) -> Manner:
        """The manner of whoever drew this place between 0 and 1."""
        for manner, share in (
            (Manner.FLAPPING, self.flapping),
            (Manner.MUTE, self.mute),
            (Manner.SLOW, self.slow),
        ):
            if place < share:
                return manner
            place -= share
        return Manner.STEADY


@dataclass(frozen=True, slots=True)
class Part:
    """One member's part."""

    device: str
    seed: int  # of its plant
    manner: Manner
    latency_s: float  # each way, of a slow one
    engine_mb: int = 64  # what an engine takes on it: less pinned, and it fails there

    def flaps(self) -> Iterator[tuple[float, float]]:
        """For ever: how long its link holds, and how long it is gone after that."""
        drawn = random.Random(f"{self.seed} flaps")  # noqa: S311 -- no secret
        while True:
            yield drawn.uniform(*_UP_S), drawn.uniform(*_AWAY_S)


def parts(name: str, seed: int, devices: int, manners: Manners) -> tuple[Part, ...]:
    """The members of a swarm of this many."""
    return tuple(_part(name, seed, number, manners) for number in range(1, devices + 1))


def _part(name: str, seed: int, number: int, manners: Manners) -> Part:
    drawn = random.Random(f"{seed} {number}")  # noqa: S311 -- no secret
    own, place = drawn.getrandbits(32), drawn.random()
    return Part(
        device=device_name(name, seed, number),
        seed=own,
        manner=manners.at(place),
        latency_s=drawn.uniform(*_LATENCY_S),
        engine_mb=drawn.randint(*_ENGINE_MB),
    )
