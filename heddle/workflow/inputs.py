"""What may happen to a run.

Every input carries ``at_ms``, the moment it happened (unix ms, UTC): a run knows no
other time. Inputs are what a run's journal holds, one after the other; the tagged
structs encode to MessagePack as they are.
"""

import enum
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from heddle.workflow.conditions import Value


class Quality(enum.IntEnum):
    """How far a reading can be trusted; the contract's numbers, and STALE."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2
    STALE = 3  # no sample for longer than the driver promises one


class StopMode(enum.StrEnum):
    """How a run is stopped."""

    SOFT = "soft"  # active phases end, then the run terminates
    HARD = "hard"  # the run terminates now


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """A tag's value and how far to trust it; ``None`` is no value."""

    value: Value | None
    quality: Quality = Quality.GOOD


class Start(msgspec.Struct, frozen=True, tag="start"):
    """The start command: fires the START listener."""

    at_ms: int


class Due(msgspec.Struct, frozen=True, tag="due"):
    """The deadline armed for a listener has come; never to be told early.

    ``late_by_ms`` is told in the event when it is not 0: give it for a deadline that
    passed while the engine was down.
    """

    at_ms: int
    listener: str
    late_by_ms: int = 0


class Sampled(msgspec.Struct, frozen=True, tag="sampled"):
    """New readings of tags, by ``reporterFctId``."""

    at_ms: int
    values: Mapping[str, Reading]


class CommandDone(msgspec.Struct, frozen=True, tag="done"):
    """The device carried out the command of this key."""

    at_ms: int
    key: int


class CommandFailed(msgspec.Struct, frozen=True, tag="failed"):
    """The device could not carry out the command of this key."""

    at_ms: int
    key: int
    error: str


class Approve(msgspec.Struct, frozen=True, tag="approve"):
    """Somebody gave an approval; ``listener`` may be left out if only one waits."""

    at_ms: int
    listener: str | None = None
    by: str = ""
    comment: str = ""


class Trigger(msgspec.Struct, frozen=True, tag="trigger"):
    """Somebody fires an active listener by hand."""

    at_ms: int
    listener: str
    by: str = ""


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Hold the run: deadlines turn into remainders."""

    at_ms: int


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """Let a paused run go on: remainders turn into deadlines."""

    at_ms: int


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End the run before its time."""

    at_ms: int
    mode: StopMode = StopMode.SOFT


Report: TypeAlias = Due | Sampled | CommandDone | CommandFailed
Request: TypeAlias = Start | Approve | Trigger | Pause | Resume | Stop
Input: TypeAlias = Report | Request
