"""A point: a tag of a connection, and what lies between the peer's value and the tag's.

    value = raw * scale + offset

Setpoints go the other way, and not beyond the point's limits: what is outside is
refused, or brought to the nearer limit where the point says ``clamp``.
"""

import math
from typing import Annotated, Generic, TypeVar

import msgspec

from edge_agent.drivers.driver import Value, WriteRefused
from heddle.contract.devices import Tag, TagType

Number = Annotated[float, msgspec.Meta(ge=-1e300, le=1e300)]
ScanMs = Annotated[int, msgspec.Meta(ge=10, le=3_600_000)]

DEFAULT_SCAN_MS = 1000
TOLERANCE = 1e-6  # of the value, where a point names none: what a float32 loses

A = TypeVar("A", bound=msgspec.Struct)

_NUMERIC = (TagType.FLOAT, TagType.INTEGER)


class PointSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the tag file says of a tag of any connection."""

    scan_ms: ScanMs = DEFAULT_SCAN_MS
    scale: Number = 1.0
    offset: Number = 0.0
    writable: bool = False
    low: Number | None = None  # setpoints, in the tag's unit
    high: Number | None = None
    clamp: bool = False
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=1e300)] | None = None


class Point(msgspec.Struct, Generic[A], frozen=True):
    """A tag, where the peer keeps it (the driver's own form), and its settings."""

    tag: Tag
    address: A
    settings: PointSettings

    @property
    def name(self) -> str:
        """The tag's name."""
        return self.tag.tag

    def value(self, raw: Value) -> Value:
        """The tag's value for the peer's. Not every raw value has one: None."""
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return raw
        if self.tag.type is TagType.BOOLEAN:
            return bool(raw)
        settings = self.settings
        if settings.scale == 1.0 and settings.offset == 0.0:
            return raw
        return raw * settings.scale + settings.offset

    def allowed(self, value: Value) -> Value:
        """The setpoint that may be written. Raises ``WriteRefused``."""
        name, settings = self.name, self.settings
        if not settings.writable:
            raise WriteRefused(f"tag {name!r} cannot be written: the tag file says so")
        if self.tag.type is TagType.BOOLEAN:
            if value not in (0, 1):
                raise WriteRefused(f"{name} takes true or false, not {value!r}")
            return bool(value)
        if self.tag.type not in _NUMERIC:
            if not isinstance(value, str):
                raise WriteRefused(f"{name} takes text, not {value!r}")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WriteRefused(f"{name} takes a number, not {value!r}")
        if not math.isfinite(value):
            raise WriteRefused(f"{name} takes a finite number, not {value!r}")
        return self._limited(value)

    def _limited(self, value: float) -> float:
        settings = self.settings
        low = -math.inf if settings.low is None else settings.low
        high = math.inf if settings.high is None else settings.high
        if low <= value <= high:
            return value
        if settings.clamp:
            return min(max(value, low), high)
        unit = f" {self.tag.unit}" if self.tag.unit else ""
        raise WriteRefused(
            f"{self.name} takes {low:g} to {high:g}{unit}, not {value:g}"
        )

    def raw(self, value: Value) -> Value:
        """What the peer is to get for a setpoint that is allowed."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        settings = self.settings
        raw = (value - settings.offset) / settings.scale
        if self.tag.type is TagType.INTEGER and settings.scale == 1.0:
            if not float(raw).is_integer():
                raise WriteRefused(f"{self.name} takes whole numbers, not {value:g}")
            return int(raw)
        return raw

    def took(self, wanted: Value, found: Value) -> bool:
        """Whether what was read back is what was written."""
        if isinstance(wanted, str) or isinstance(found, str) or found is None:
            return wanted == found
        if wanted is None or isinstance(wanted, bool):
            return bool(wanted) == bool(found)
        within = self.settings.tolerance
        if within is None:
            within = max(abs(wanted) * TOLERANCE, abs(self.settings.scale) / 2)
            if self.settings.scale == 1.0:
                within = abs(wanted) * TOLERANCE
        return abs(float(found) - wanted) <= within
