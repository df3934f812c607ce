"""Between a peer's value and the tag's: scaling, limits, and what was read back."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.driver import WriteRefused
from edge_agent.drivers.points import Point, PointSettings
from heddle.contract.devices import Tag, TagType


class Nowhere(msgspec.Struct, frozen=True):
    """An address that says nothing."""


def point(kind: TagType = TagType.FLOAT, unit: str = "", **settings) -> Point[Nowhere]:
    tag = Tag(tag="speed", type=kind, unit=unit, writable=True)
    return Point(tag, Nowhere(), PointSettings(writable=True, **settings))


finite = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-6)
scales = st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3)


@given(value=finite, scale=scales, offset=finite)
def test_what_is_written_reads_back_as_itself(value, scale, offset) -> None:
    it = point(scale=scale, offset=offset, tolerance=1e-3 * max(1, abs(offset)))
    assert it.took(value, it.value(it.raw(value)))


@given(value=finite, low=finite, high=finite)
def test_a_clamped_setpoint_is_within_its_limits(value, low, high) -> None:
    low, high = min(low, high), max(low, high)
    allowed = point(low=low, high=high, clamp=True).allowed(value)
    assert low <= allowed <= high
    assert allowed == value or not low <= value <= high


@pytest.mark.parametrize(
    ("kind", "settings", "value", "sentence"),
    [
        (TagType.FLOAT, {"low": 0, "high": 60}, 61, "takes 0 to 60 °C, not 61"),
        (TagType.FLOAT, {"low": 0}, -1, "takes 0 to inf °C, not -1"),
        (TagType.FLOAT, {}, "hot", "takes a number, not 'hot'"),
        (TagType.FLOAT, {}, True, "takes a number, not True"),
        (TagType.FLOAT, {}, None, "takes a number, not None"),
        (TagType.FLOAT, {}, math.inf, "takes a finite number"),
        (TagType.BOOLEAN, {}, 2, "takes true or false, not 2"),
        (TagType.TEXT, {}, 2, "takes text, not 2"),
    ],
)
def test_a_setpoint_that_does_not_fit_is_refused(kind, settings, value, sentence):
    with pytest.raises(WriteRefused, match=sentence):
        point(kind, "°C", **settings).allowed(value)


def test_an_integer_takes_whole_numbers_only() -> None:
    it = point(TagType.INTEGER)
    assert it.raw(it.allowed(5.0)) == 5
    assert isinstance(it.raw(5.0), int)
    with pytest.raises(WriteRefused, match=r"takes whole numbers, not 5\.5"):
        it.raw(it.allowed(5.5))


def test_what_is_not_writable_is_refused() -> None:
    sealed = Point(Tag(tag="speed"), Nowhere(), PointSettings())
    with pytest.raises(WriteRefused, match="'speed' cannot be written"):
        sealed.allowed(1)


@pytest.mark.parametrize(
    ("kind", "settings", "raw", "value"),
    [
        (TagType.FLOAT, {}, 215, 215),
        (TagType.FLOAT, {"scale": 0.1, "offset": -10}, 300, 20.0),
        (TagType.BOOLEAN, {}, 1, True),
        (TagType.BOOLEAN, {}, False, False),
        (TagType.TEXT, {"scale": 2}, "on", "on"),
        (TagType.FLOAT, {}, None, None),
    ],
)
def test_a_raw_value_becomes_the_tags(kind, settings, raw, value) -> None:
    assert point(kind, **settings).value(raw) == value


@pytest.mark.parametrize(
    ("settings", "wanted", "found", "taken"),
    [
        ({}, 37.1, 37.09999847, True),  # a float32's
        ({}, 37.1, 37.2, False),
        ({"scale": 0.1}, 37.14, 37.1, True),  # the peer's own step
        ({"scale": 0.1}, 37.14, 37.2, False),
        ({"tolerance": 0.5}, 37.0, 37.4, True),
        ({}, 37.0, None, False),
        ({}, True, 1, True),
        ({}, "on", "on", True),
        ({}, "on", "off", False),
    ],
)
def test_whether_a_setpoint_was_taken(settings, wanted, found, taken) -> None:
    assert point(**settings).took(wanted, found) is taken
