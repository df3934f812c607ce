"""Newest values as packed columns: there and back, and as a browser gets them."""

import json
from pathlib import Path

import msgspec
import numpy as np
from autobahn.wamp.serializer import JsonObjectSerializer

from heddle.contract.devices import TagType
from heddle.tag_values import TagValue, tag_values
from services.fleetdata.packing import pack, parts

AT_US = 1_790_000_000_123_456
BROWSERS = Path(__file__).parents[3] / "services/web/tests/newest_values.json"

VALUES = (
    TagValue(tag="gone", unit="K", at_ms=AT_US // 1000, value=None, quality=2),
    TagValue(tag="n", unit="", at_ms=0, value=-7, quality=0, type=TagType.INTEGER),
    TagValue(tag="on", unit="", at_ms=0, value=True, quality=1, type=TagType.BOOLEAN),
    TagValue(tag="step", unit="", at_ms=0, value="heat", quality=0, type=TagType.TEXT),
    TagValue(tag="temp", unit="K", at_ms=0, value=20.5, quality=0),
    TagValue(tag="lost", unit="", at_ms=0, value=None, quality=2, type=TagType.TEXT),
    TagValue(tag="recipe", unit="", at_ms=0, value="{}", quality=0, type=TagType.JSON),
)
PACKED = pack(
    [value.tag for value in VALUES],
    [value.unit for value in VALUES],
    [value.type.value for value in VALUES],
    np.array([AT_US, 0, 0, 0, 0, 0, 0]),
    np.array([np.nan, -7, 1, np.nan, 20.5, np.nan, np.nan]),
    np.array([value.quality for value in VALUES], np.uint8),
    {3: "heat", 6: "{}"},
)


def test_values_come_back_as_what_they_were() -> None:
    assert tuple(tag_values(PACKED)) == VALUES
    assert [type(value.value) for value in tag_values(PACKED)][1:5] == [
        int,
        bool,
        str,
        float,
    ]
    nothing = np.array([])
    assert not list(tag_values(pack([], [], [], nothing, nothing, nothing, {})))


def test_a_browser_gets_what_its_own_test_reads() -> None:
    plain = msgspec.to_builtins(PACKED, builtin_types=(bytes,))
    sent = json.loads(JsonObjectSerializer().serialize(plain))
    assert json.loads(BROWSERS.read_text()) == sent


def test_parts_are_no_larger_than_allowed_unless_one_value_is() -> None:
    assert [(p.start, p.stop) for p in parts([4, 4, 4, 20, 1, 9], 10)] == [
        (0, 2),
        (2, 3),
        (3, 4),
        (4, 6),
    ]
    assert list(parts([], 10)) == []
