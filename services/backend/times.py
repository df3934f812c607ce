"""Instants on the wire are unix milliseconds, at rest aware datetimes in UTC."""

from datetime import datetime


def unix_ms(at: datetime) -> int:
    """An aware instant as unix milliseconds."""
    return round(at.timestamp() * 1000)
