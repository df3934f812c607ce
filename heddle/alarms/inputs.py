"""What may happen to an alarm.

Each input carries its own time, ``at_us`` (unix microseconds, UTC): an alarm knows no
other. A sample's time is the sample's.
"""

from typing import TypeAlias

import msgspec


class Sample(msgspec.Struct, frozen=True, tag="sample"):
    """The tag's value was read. NaN is no value; quality 0 good, 1 uncertain, 2 bad."""

    at_us: int
    value: float
    quality: int = 0


class Due(msgspec.Struct, frozen=True, tag="due"):
    """It is that late, and no older sample is still to come."""

    at_us: int


class Clock(msgspec.Struct, frozen=True, tag="clock"):
    """It is that late, but samples may still be under way.

    A shelving ends, and silence is noticed; delays wait for samples or for ``Due``.
    """

    at_us: int


class _ByPerson(msgspec.Struct, frozen=True):
    at_us: int
    who: str = ""
    comment: str = ""


class Acknowledge(_ByPerson, frozen=True, tag="acknowledge"):
    """An operator has seen it."""


class Shelve(_ByPerson, frozen=True, tag="shelve"):
    """An operator wants no word of it until a given time; again: until another time."""

    until_us: int = 0


class Unshelve(_ByPerson, frozen=True, tag="unshelve"):
    """Before its time."""


class Suppress(_ByPerson, frozen=True, tag="suppress"):
    """By design: the plant's own logic says that the alarm has no meaning now."""


class Unsuppress(_ByPerson, frozen=True, tag="unsuppress"):
    """The alarm has a meaning again."""


class TakeOutOfService(_ByPerson, frozen=True, tag="take_out_of_service"):
    """For maintenance, without an end set beforehand."""


class ReturnToService(_ByPerson, frozen=True, tag="return_to_service"):
    """Maintenance is over."""


class Reset(_ByPerson, frozen=True, tag="reset"):
    """Releases the latch of an alarm that has returned and is acknowledged."""


class Comment(_ByPerson, frozen=True, tag="comment"):
    """A remark for the journal."""


class Changed(_ByPerson, frozen=True, tag="changed"):
    """The rule is another one from now on; its tag and kind are the same."""


class Removed(_ByPerson, frozen=True, tag="removed"):
    """The rule is no more."""


Covering: TypeAlias = (
    Shelve | Unshelve | Suppress | Unsuppress | TakeOutOfService | ReturnToService
)
Command: TypeAlias = Covering | Acknowledge | Reset | Comment | Changed | Removed
Input: TypeAlias = Sample | Due | Clock | Command
