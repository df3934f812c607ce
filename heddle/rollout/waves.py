"""Cuts targets into waves, in the order they are given."""

from collections.abc import Sequence
from math import ceil

from heddle.rollout.spec import Spec, Strategy

_ROUNDING = 1e-9  # 10 % of 30 is 3, whatever floats make of it


def cut(spec: Spec, devices: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The waves, none of them empty; after the canaries the rest go out as one."""
    size = first_wave(spec, len(devices))
    rest = size if spec.strategy is Strategy.ROLLING else max(1, len(devices))
    waves = [tuple(devices[:size])]
    waves += [tuple(devices[n : n + rest]) for n in range(size, len(devices), rest)]
    return tuple(x for x in waves if x)


def first_wave(spec: Spec, total: int) -> int:
    """How many targets of all the first wave has; canaries are rounded up."""
    match spec.strategy:
        case Strategy.ROLLING:
            return spec.batch_size
        case Strategy.CANARY:
            return max(1, ceil(total * spec.canary_percent / 100 - _ROUNDING))
        case Strategy.ALL_AT_ONCE | Strategy.BLUE_GREEN:
            return total


def room(spec: Spec) -> int | None:
    """How many targets a later wave holds; None: any number."""
    return spec.batch_size if spec.strategy is Strategy.ROLLING else None


def threshold(spec: Spec, wave: int) -> float:
    """The share of a wave, in percent, of which more must not fail."""
    canaries = spec.strategy is Strategy.CANARY and wave == 0
    return 0.0 if canaries else spec.failure_percent


def exceeded(failed: int, size: int, percent: float) -> bool:
    """Whether more than the share failed: of 10 at 20 % it is the third."""
    return failed * 100 > percent * size
