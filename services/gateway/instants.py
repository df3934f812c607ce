"""Instants as people and other platforms write them: RFC 3339, UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at_ms: int) -> datetime:
    """The moment of unix milliseconds."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def maybe(at_ms: int | None) -> datetime | None:
    """The same, of what may not have happened."""
    return None if at_ms is None else instant(at_ms)


def unix_ms(at: datetime) -> int:
    """Unix milliseconds of a moment."""
    return (at - _EPOCH) // timedelta(milliseconds=1)
