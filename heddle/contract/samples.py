"""Samples, events and what was lost on their way into fleetdata: the ledger's side.

Every device keeps numbered streams in its outbox. A batch carries the items ``first``
and upwards of one stream; fleetdata commits rows and the stream's cursor together and
answers with a receipt. What comes out again is in ``history``.
"""

import enum

from heddle.contract.alarms import AlarmTransition
from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    Topic,
    message,
)
from heddle.contract.devices import TagType
from heddle.contract.runs import RunEvents


class Quality(enum.IntEnum):
    """How far a value can be trusted; OPC UA's three severities."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Stream(enum.StrEnum):
    """A numbered stream of a device's outbox."""

    SAMPLES = "samples"
    RUN_EVENTS = "run_events"
    ALARMS = "alarms"
    LOSSES = "losses"


@message
class Telemetry:
    """Current values of a device, live: one entry per tag that moved."""

    at_ms: int
    tags: tuple[str, ...]
    values: tuple[float | int | bool | str | None, ...]
    quality: tuple[int, ...]


@message
class SampleTag:
    """One row of a batch's tag table."""

    tag: str
    unit: str = ""
    type: TagType = TagType.FLOAT


@message
class SampleColumns:
    """Samples as packed little-endian columns (typed arrays, RFC 8746), equally long.

    ``tag`` uint16 indexes into ``tags``; ``at`` int64 unix microseconds UTC;
    ``value`` float64; ``quality`` uint8 (``Quality``). By the tag's type, ``value`` is
    the number itself (integers to 2^53), 0 or 1 (boolean), or indexes into ``texts``
    (text, and JSON as text). NaN stands for no value and goes with bad quality only.
    """

    tags: tuple[SampleTag, ...]
    tag: bytes
    at: bytes
    value: bytes
    quality: bytes
    texts: tuple[str, ...] = ()


@message
class Loss:
    """Items that left an outbox unsent, or were refused for good: a recorded fact.

    With a loss the epoch ends: ``first`` is the number at which it broke off and
    ``count`` how many items are gone from there on; 0 tells of an end without loss.
    """

    stream: Stream
    epoch: str
    first: int
    count: int
    reason: str
    at_ms: int  # when they were dropped
    from_ms: int | None = None  # the oldest and newest moment of what was dropped
    to_ms: int | None = None


@message
class Ingest:
    """A batch of one stream: its items are numbered ``first`` and upwards.

    ``epoch`` names one life of the stream's numbers, which start at 0 in each.
    Exactly one of the four kinds is given, as ``stream`` says.
    """

    stream: Stream
    epoch: str
    first: int
    samples: SampleColumns | None = None
    events: tuple[RunEvents, ...] | None = None
    alarms: tuple[AlarmTransition, ...] | None = None
    losses: tuple[Loss, ...] | None = None
    clock_us: int | None = None  # samples: what the device's clock said at the last one


@message
class Receipt:
    """What is committed: everything of the stream below ``next_number``.

    Back-pressure: send at most ``most_items`` next, not before ``pause_ms`` have gone.
    """

    stream: Stream
    epoch: str
    next_number: int
    most_items: int | None = None  # None: as many as a batch may have
    pause_ms: int = 0


@message
class GapsQuery:
    """Ask what is missing of a device, in a time range or at all."""

    device: str
    from_ms: int | None = None
    to_ms: int | None = None


class EpochState(enum.StrEnum):
    """How one life of a stream's numbers stands."""

    OPEN = "open"  # the newest: more may come
    CLOSED = "closed"  # a loss tells where it ended
    UNEXPLAINED = "unexplained"  # a newer one began, and no loss tells why


@message
class Epoch:
    """One life of a stream: the items 0 to ``next_number - 1`` are stored."""

    stream: Stream
    epoch: str
    state: EpochState
    next_number: int
    expired: int  # of these, how many came too late to be kept
    changed_at_ms: int  # when the last of them was stored


@message
class Gaps:
    """The proof of completeness: what is stored, and every loss there is.

    Within an epoch nothing can be missing, for a batch that skips numbers is refused.
    ``complete`` says: no loss in the range, and no unexplained end.
    """

    device: str
    complete: bool
    epochs: tuple[Epoch, ...]
    losses: tuple[Loss, ...]


class SequenceGap(FleetError):
    """A batch skips numbers; ``details["wanted"]`` is the number to go on with."""

    uri = "heddle.error.sequence_gap"


TELEMETRY = Topic(
    "heddle.device.{device}.telemetry",
    Telemetry,
    scope=Scope.PROJECT,
    published_by=Role.AGENT,
    subscribed_by=PEOPLE | {Role.BACKEND, Role.FLEETDATA},
    summary="Current values, at most ten times a second; may be dropped.",
)
INGEST = Procedure(
    "heddle.fleetdata.ingest",
    Ingest,
    Receipt,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=frozenset({Role.AGENT}),
    summary="Store a numbered batch; rows and the stream's cursor commit together. "
    "A repeat is acknowledged and not stored. The device is the caller.",
    raises=(SequenceGap,),
)
GAPS = Procedure(
    "heddle.fleetdata.gaps",
    GapsQuery,
    Gaps,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.BACKEND},
    summary="What of a device's streams is stored, and what was lost.",
)
