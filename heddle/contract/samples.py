"""Samples and run events on their way into fleetdata, and history out of it."""

import enum

from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    Role,
    Scope,
    Topic,
    message,
)
from heddle.contract.runs import RunEvents, RunNotFound

MAX_ROWS_PER_REPLY = 40_000  # what fits the router's 1 MiB per message


class Quality(enum.IntEnum):
    """How far a value can be trusted; OPC UA's three severities."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Stream(enum.StrEnum):
    """A numbered stream of a device's outbox."""

    SAMPLES = "samples"
    RUN_EVENTS = "run_events"


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


@message
class SampleColumns:
    """Samples as packed little-endian columns (typed arrays, RFC 8746), equally long.

    ``tag`` uint16 indexes into ``tags``; ``at`` int64 unix microseconds UTC;
    ``value`` float64; ``quality`` uint8 (``Quality``).
    """

    tags: tuple[SampleTag, ...]
    tag: bytes
    at: bytes
    value: bytes
    quality: bytes


@message
class Ingest:
    """A batch of one stream: its items are numbered ``first`` and upwards.

    ``epoch`` names one life of the device's outbox; numbers start at 0 in each.
    Exactly one of ``samples`` and ``events`` is given, as ``stream`` says.
    """

    stream: Stream
    epoch: str
    first: int
    samples: SampleColumns | None = None
    events: tuple[RunEvents, ...] | None = None


@message
class Receipt:
    """What is committed: everything of the stream below ``next_number``."""

    stream: Stream
    epoch: str
    next_number: int


@message
class LatestQuery:
    """Ask for the newest value of some tags, or of all."""

    device: str
    tags: tuple[str, ...] | None = None


@message
class TagValue:
    """The newest value of a tag."""

    tag: str
    unit: str
    at_ms: int
    value: float | None
    quality: int


@message
class Latest:
    """Newest values, by tag."""

    device: str
    values: tuple[TagValue, ...]


@message
class HistoryQuery:
    """Ask for samples in [from_ms, to_ms), raw or in buckets aligned to unix time."""

    device: str
    tags: tuple[str, ...]
    from_ms: int
    to_ms: int
    bucket_ms: int | None = None  # None: raw samples
    limit: int = 10_000  # rows over all tags; more is an error, not a cut


@message
class Series:
    """One tag's history as columns; raw series have only ``at_ms, mean, quality``.

    For buckets ``at_ms`` is the bucket's start; bad samples do not count.
    """

    tag: str
    unit: str
    at_ms: tuple[int, ...]
    mean: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    count: tuple[int, ...] = ()
    quality: tuple[int, ...] = ()


@message
class History:
    """History of several tags."""

    device: str
    series: tuple[Series, ...]


@message
class RunEventsQuery:
    """Ask for a run's events from ``first`` upwards, in order."""

    device: str
    run: str
    first: int = 0
    limit: int = 1000


class SequenceGap(FleetError):
    """A batch skips numbers; ``details["wanted"]`` is the number to go on with."""

    uri = "heddle.error.sequence_gap"


class TooManyRows(FleetError):
    """The answer would exceed the limit; ask for buckets or a shorter range."""

    uri = "heddle.error.too_many_rows"


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
LATEST = Procedure(
    "heddle.fleetdata.latest",
    LatestQuery,
    Latest,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.BACKEND},
    summary="The newest value of each tag.",
)
HISTORY = Procedure(
    "heddle.fleetdata.history",
    HistoryQuery,
    History,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.BACKEND},
    summary="Samples of a time range, raw or bucketed.",
    raises=(TooManyRows,),
)
RUN_EVENTS = Procedure(
    "heddle.fleetdata.run_events",
    RunEventsQuery,
    RunEvents,
    scope=Scope.PROJECT,
    served_by=Role.FLEETDATA,
    called_by=PEOPLE | {Role.BACKEND},
    summary="The stored events of a run.",
    raises=(RunNotFound,),
)
