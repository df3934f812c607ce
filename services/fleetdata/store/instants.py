"""Instants: unix time as a number outside, aware datetimes in UTC in the database."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS, _US = timedelta(milliseconds=1), timedelta(microseconds=1)


def unix_ms(at: datetime) -> int:
    """Unix milliseconds, rounded down."""
    return (at - _EPOCH) // _MS


def unix_us(at: datetime) -> int:
    """Unix microseconds."""
    return (at - _EPOCH) // _US


def at_ms(unix: int) -> datetime:
    """The instant of unix milliseconds."""
    return _EPOCH + unix * _MS


def at_us(unix: int) -> datetime:
    """The instant of unix microseconds."""
    return _EPOCH + unix * _US


def unix_ms_or_none(at: datetime | None) -> int | None:
    """The same, where there may be none."""
    return None if at is None else unix_ms(at)


def unix_us_or_none(at: datetime | None) -> int | None:
    """The same, where there may be none."""
    return None if at is None else unix_us(at)


def at_ms_or_none(unix: int | None) -> datetime | None:
    """The same, where there may be none."""
    return None if unix is None else at_ms(unix)


def at_us_or_none(unix: int | None) -> datetime | None:
    """The same, where there may be none."""
    return None if unix is None else at_us(unix)
