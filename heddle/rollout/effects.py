"""What a deployment asks of the outside; at most one thing per device at a time.

The state alone says what is outstanding, so a driver that starts anew asks
``machine.outstanding`` and goes on. ``attempt`` tells a delivery that is to be repeated
from the one that got no answer, also when both fell into one step: equal effects are
the same call. To the device repeats are equal; it knows them by the deployment's id.
"""

from typing import TypeAlias

import msgspec


class _Effect(msgspec.Struct, frozen=True):
    device: str


class Deploy(_Effect, frozen=True, tag="deploy"):
    """Tell the device to run the release; ``beside`` the former one, in blue-green.

    Answer with ``Delivered(DEPLOY)``, ``Undelivered(DEPLOY)``, or the result at once.
    """

    attempt: int = 0
    beside: bool = False


class Switch(_Effect, frozen=True, tag="switch"):
    """Tell the device to hand over to the release that runs beside."""

    attempt: int = 0


class Revert(_Effect, frozen=True, tag="revert"):
    """Tell the device to go back, or to drop what it was told to prepare."""

    attempt: int = 0


class Settle(_Effect, frozen=True, tag="settle"):
    """Tell the device to forget its former release. ``Delivered(SETTLE)`` ends it."""

    attempt: int = 0


class Await(_Effect, frozen=True, tag="await"):
    """The device has its order: follow its reports, and ask for its stage if unsure."""


class Watch(_Effect, frozen=True, tag="watch"):
    """Watch the device's health: ``Healthy`` at ``until_ms``, or ``Failed`` before."""

    until_ms: int


Effect: TypeAlias = Deploy | Switch | Revert | Settle | Await | Watch
