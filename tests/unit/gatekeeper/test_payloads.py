"""What may be passed on, whatever the serializers at both ends."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import cbor2
import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.gatekeeper.payloads import flaw_of

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
plain = st.recursive(
    scalars,
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(plain, max_size=4), st.dictionaries(st.text(), plain, max_size=3))
def test_what_is_fit_arrives_the_same_through_every_serializer(
    args: list[Any], kwargs: dict[str, Any]
) -> None:
    assert flaw_of(args, kwargs) is None
    there = cbor2.loads(cbor2.dumps([args, kwargs]))
    back = msgpack.unpackb(msgpack.packb(there))
    assert back == [args, kwargs]


@pytest.mark.parametrize(
    "value",
    [
        {1: 2},
        {b"a": 1},
        {None: 1},
        {(1, 2): 3},
        1 << 64,
        -(1 << 63) - 1,
        {1, 2},
        datetime(2026, 1, 1, tzinfo=UTC),
        Decimal(1),
        "\ud800",
        {"\ud800": 1},
        object(),
        cbor2.undefined,
        msgpack.ExtType(1, b""),
    ],
)
@pytest.mark.parametrize("inside", ["itself", "list", "dict"])
def test_what_is_unfit_is_found_however_deep(value: object, inside: str) -> None:
    payload = {"itself": value, "list": [1, ["a", value]], "dict": {"a": {"b": value}}}
    assert flaw_of([payload[inside]], None)
    assert flaw_of(None, {"a": payload[inside]})


def test_a_payload_may_be_deep_but_not_without_end() -> None:
    deep: list[Any] = []
    for _ in range(60):
        deep = [deep]
    assert flaw_of(deep, None) is None
    for _ in range(10):
        deep = [deep]
    assert flaw_of(deep, None)
    cycle: list[Any] = []
    cycle.append(cycle)
    assert flaw_of(cycle, None)


def test_a_payload_that_would_grow_when_written_out_is_found_at_once() -> None:
    laughs: list[Any] = [0]
    for _ in range(40):
        laughs = [laughs, laughs]
    assert flaw_of(laughs, None) == "the same list twice"
    again = {"a": 1}
    assert flaw_of([again, again], None) == "the same list twice"
    assert flaw_of([again], {"b": again}) == "the same list twice"
    assert flaw_of([{"a": 1}, {"a": 1}], {"b": [], "c": []}) is None


def test_a_megabyte_of_readings_is_fit() -> None:
    assert (
        flaw_of([[math.pi] * 100_000, ["t"] * 100_000, list(range(100_000))], {})
        is None
    )
