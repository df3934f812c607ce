"""What fleetdata knows: latest values, history, and the events of a run.

Values come typed: numbers and booleans as such, text as text, JSON as its text.
"""

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
from heddle.contract.devices import TagType
from heddle.contract.runs import RunEvents, RunNotFound

MAX_ROWS_PER_REPLY = 40_000  # what fits the router's 1 MiB per message


@message
class LatestQuery:
    """Ask for the newest value of some tags, or of all."""

    device: str
    tags: tuple[str, ...] | None = None


@message
class ValueColumns:
    """Newest values, one for each series, as packed little-endian columns (typed
    arrays, RFC 8746) as long as ``tags``; ``at``, ``value``, ``quality`` and ``texts``
    are those of ``SampleColumns``.

    ``unit`` uint16 indexes into ``units``, ``type`` uint8 into ``types``; ``at`` int64
    unix microseconds UTC; ``value`` float64, NaN for none, of text and JSON an index
    into ``texts``; ``quality`` uint8.
    """

    tags: tuple[str, ...]
    units: tuple[str, ...]
    types: tuple[TagType, ...]
    unit: bytes
    type: bytes
    at: bytes
    value: bytes
    quality: bytes
    texts: tuple[str, ...] = ()


@message
class Latest:
    """The newest value of each tag, by tag."""

    device: str
    values: ValueColumns


@message
class LiveValues:
    """The newest stored value of each series that moved since the last message."""

    device: str
    values: ValueColumns


class Fill(enum.StrEnum):
    """What stands in a bucket without samples."""

    NONE = "none"  # no such bucket in the answer
    NULL = "null"  # a bucket of nothing, count 0
    PREVIOUS = "previous"  # the last value before, count 0


@message
class HistoryQuery:
    """Ask for samples in [from_ms, to_ms), raw or in buckets aligned to unix time.

    More rows than ``limit`` are an error for buckets. Raw samples come in pages: where
    ``next_page`` of the answer is given, ask again with it as ``page``.
    """

    device: str
    tags: tuple[str, ...]
    from_ms: int
    to_ms: int
    bucket_ms: int | None = None  # None: raw samples
    limit: int = 10_000  # rows over all tags
    fill: Fill = Fill.NONE  # for buckets
    page: str | None = None  # "" asks for the first page


@message
class Series:
    """One tag's history as columns; raw series have only ``at_ms, mean, quality``.

    For buckets ``at_ms`` is the bucket's start; bad samples do not count. Text and JSON
    have ``text`` in place of ``mean``; of a bucket it is the last, beside ``count``.
    """

    tag: str
    unit: str
    at_ms: tuple[int, ...]
    mean: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    first: tuple[float | None, ...] = ()
    last: tuple[float | None, ...] = ()
    count: tuple[int, ...] = ()
    quality: tuple[int, ...] = ()
    text: tuple[str | None, ...] = ()
    type: TagType = TagType.FLOAT


@message
class History:
    """History of several tags."""

    device: str
    series: tuple[Series, ...]
    next_page: str | None = None


@message
class RunEventsQuery:
    """Ask for a run's events from ``first`` upwards, in order."""

    device: str
    run: str
    first: int = 0
    limit: int = 1000


class TooManyRows(FleetError):
    """The answer would exceed the limit; ask for buckets or a shorter range."""

    uri = "heddle.error.too_many_rows"


LIVE = Topic(
    "heddle.fleetdata.live.{device}",
    LiveValues,
    scope=Scope.PROJECT,
    published_by=Role.FLEETDATA,
    subscribed_by=PEOPLE | {Role.BACKEND},
    summary="What is stored of a device, once a second and conflated: for dashboards. "
    "Subscribe first, then ask for the latest values; of two the newer counts.",
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
