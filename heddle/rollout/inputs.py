"""What may happen to a deployment.

Each input carries its own time, ``at_ms`` (unix ms): a deployment knows no other. An
input out of season changes nothing, so doubled and late ones are harmless.
"""

from typing import TypeAlias

import msgspec

from heddle.rollout.state import Order


class _Input(msgspec.Struct, frozen=True):
    at_ms: int


class _ByPerson(_Input, frozen=True):
    by: str


class _OfDevice(_Input, frozen=True):
    device: str


class Tick(_Input, frozen=True, tag="tick"):
    """It is that late; give one at ``due_at_ms``."""


class Start(_ByPerson, frozen=True, tag="start"):
    """Begin now, also before a scheduled start; but not before a needed approval."""


class Approve(_ByPerson, frozen=True, tag="approve"):
    """A second person agrees; the creator's own does not count."""


class Pause(_ByPerson, frozen=True, tag="pause"):
    """Send nothing more to any device, until ``Resume``."""


class Resume(_ByPerson, frozen=True, tag="resume"):
    """Go on where ``Pause`` stopped."""


class Cancel(_ByPerson, frozen=True, tag="cancel"):
    """Go no further: who has the release keeps it, who is under way is put back."""


class RollBack(_ByPerson, frozen=True, tag="roll_back"):
    """Put every device back that may have got the release."""


class Delivered(_OfDevice, frozen=True, tag="delivered"):
    """The device took an order and has not ended it yet; of SETTLE: it is done."""

    order: Order


class Undelivered(_OfDevice, frozen=True, tag="undelivered"):
    """An order got no answer: the device is offline, or mute. It may have got it."""

    order: Order
    why: str = ""


class Prepared(_OfDevice, frozen=True, tag="prepared"):
    """Blue-green: the release runs beside the former one and was verified."""


class Activated(_OfDevice, frozen=True, tag="activated"):
    """The device runs the release."""


class Healthy(_OfDevice, frozen=True, tag="healthy"):
    """The watch that ``effects.Watch`` asked for is over, and all is well."""


class Failed(_OfDevice, frozen=True, tag="failed"):
    """The device could not run the release, or failed its check; also afterwards."""

    reason: str


class Reverted(_OfDevice, frozen=True, tag="reverted"):
    """The device is on its former release, or never had the new one."""


class RevertFailed(_OfDevice, frozen=True, tag="revert_failed"):
    """The device cannot get back by itself."""

    reason: str


class Returned(_OfDevice, frozen=True, tag="returned"):
    """The device is online (again): orders that rest or sleep are sent now."""


class Appeared(_OfDevice, frozen=True, tag="appeared"):
    """A device the targets' selector matches is new; joins if it is dynamic."""


class Gone(_OfDevice, frozen=True, tag="gone"):
    """Nothing is owed to the device any more: decommissioned, or superseded."""

    why: str = "it was decommissioned"


Command: TypeAlias = Start | Approve | Pause | Resume | Cancel | RollBack
Report: TypeAlias = (
    Delivered
    | Undelivered
    | Prepared
    | Activated
    | Healthy
    | Failed
    | Reverted
    | RevertFailed
    | Returned
    | Gone
)
Input: TypeAlias = Command | Report | Appeared | Tick
