"""Alarms: their transitions, as devices and fleetdata record them."""

from heddle.contract.declare import message


@message
class AlarmTransition:
    """One step of one alarm; the states are those of ISA-18.2."""

    alarm: str
    tag: str
    at_us: int  # unix microseconds UTC
    cause: str  # what moved it, e.g. "sample", "due", "acknowledge"
    before: str
    after: str
    severity: int
    value: float | None = None
    who: str | None = None
    comment: str | None = None
