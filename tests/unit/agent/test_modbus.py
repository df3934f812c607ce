"""The Modbus driver's pure parts: formats, requests, and what a tag file may say."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from edge_agent.drivers.modbus.formats import (
    DoesNotFit,
    NoSuchFormat,
    format_of,
)
from edge_agent.drivers.modbus.places import Address, Settings, spots_of
from edge_agent.drivers.modbus.polls import Span, grouped
from edge_agent.drivers.points import Point, PointSettings
from heddle.contract.devices import Tag, TagType
from heddle.wamp.process import ConfigError
from tests.support.followed import connected

# --- formats -------------------------------------------------------------------------

WHOLE = {
    f"{sign}int{bits}": (
        -(2 ** (bits - 1)) if not sign else 0,
        2 ** (bits - (0 if sign else 1)) - 1,
    )
    for sign in ("", "u")
    for bits in (16, 32, 64)
}


@pytest.mark.parametrize(
    ("name", "big_bytes", "big_words", "registers", "value"),
    [
        ("int16", True, True, [0xFFFE], -2),
        ("uint16", False, True, [0x0100], 1),
        ("uint32", True, True, [0x0001, 0x0002], 0x00010002),
        ("uint32", True, False, [0x0002, 0x0001], 0x00010002),
        ("int32", False, True, [0xFFFF, 0xFEFF], -2),
        ("float32", True, True, [0x41A4, 0x0000], 20.5),
        ("float32", False, False, [0x0000, 0xA441], 20.5),
        ("float64", True, True, [0x4034, 0x8000, 0, 0], 20.5),
        ("uint64", True, False, [4, 3, 2, 1], 0x0001000200030004),
        ("string(3)", True, True, [0x4162, 0x6300], "Abc"),
        ("string(4)", False, True, [0x6241, 0x0063], "Abc"),
    ],
)
def test_registers_and_values_by_format_and_order(
    name, big_bytes, big_words, registers, value
) -> None:
    form = format_of(name, big_bytes=big_bytes, big_words=big_words)
    assert form.registers == len(registers)
    assert form.value(registers) == value
    assert form.registers_of(value) == registers


@given(
    st.sampled_from(sorted(WHOLE)).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(*WHOLE[n]))
    ),
    st.booleans(),
    st.booleans(),
)
def test_a_whole_number_comes_back(named, big_bytes, big_words) -> None:
    name, value = named
    form = format_of(name, big_bytes=big_bytes, big_words=big_words)
    assert form.value(form.registers_of(value)) == value


@given(st.sampled_from(sorted(WHOLE)), st.integers(-(2**70), 2**70))
def test_what_does_not_fit_is_refused_by_name(name, value) -> None:
    low, high = WHOLE[name]
    form = format_of(name)
    if low <= value <= high:
        assert len(form.registers_of(value)) == form.registers
        return
    with pytest.raises(DoesNotFit, match=f"does not fit {name}"):
        form.registers_of(value)


@pytest.mark.parametrize("registers", [[0x7FC0, 0], [0x7F80, 0], [0xFF80, 0]])
def test_what_is_no_finite_number_has_no_value(registers) -> None:
    assert format_of("float32").value(registers) is None


def test_text_that_is_no_utf8_has_no_value() -> None:
    assert format_of("string(2)").value([0xFFFE]) is None


@pytest.mark.parametrize("name", ["int8", "string", "string(0)", "string(247)", ""])
def test_an_unknown_format_is_told_with_what_there_is(name) -> None:
    with pytest.raises(NoSuchFormat, match=r"is none of bool, int16, .*string\(246\)"):
        format_of(name)


# --- requests ------------------------------------------------------------------------

LIMIT = 20
SPANS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 8)), max_size=30, unique=True
).map(lambda places: [Span(start, n, (start, n)) for start, n in places])


@given(SPANS, st.integers(0, 12))
def test_every_place_is_asked_for_once_and_within_the_limits(spans, max_gap) -> None:
    asks = grouped(spans, LIMIT, max_gap)
    assert sorted(s.of for ask in asks for s in ask.spans) == sorted(
        s.of for s in spans
    )
    for ask in asks:
        assert ask.count <= LIMIT
        covered = sorted(
            {n for s in ask.spans for n in range(s.start, s.end)},
        )
        assert (covered[0], covered[-1]) == (ask.start, ask.start + ask.count - 1)
        assert all(b - a - 1 <= max_gap for a, b in pairwise(covered))


@given(
    st.lists(st.tuples(st.integers(0, 15), st.integers(1, 8)), max_size=14),
    st.integers(0, 12),
)
def test_there_are_as_few_requests_as_can_be(steps, max_gap) -> None:
    spans, end = [], 0
    for gap, size in steps:
        spans.append(Span(end + gap, size, len(spans)))
        end = spans[-1].end
    assert len(grouped(spans, LIMIT, max_gap)) == fewest(spans, max_gap)


def fewest(spans, max_gap) -> int:
    """By trying all ways to part them."""
    best = [0]
    for last in range(1, len(spans) + 1):
        counts = []
        for first in range(last):
            run = spans[first:last]
            gaps = all(b.start - a.end <= max_gap for a, b in pairwise(run))
            if gaps and run[-1].end - run[0].start <= LIMIT:
                counts.append(best[first] + 1)
        best.append(min(counts))
    return best[-1]


def test_halves_leave_out_the_gap_and_one_place_has_none() -> None:
    (ask,) = grouped([Span(0, 2, "a"), Span(6, 1, "b")], LIMIT, 8)
    assert [(h.start, h.count) for h in ask.halves(LIMIT, 8)] == [(0, 2), (6, 1)]
    (alone,) = grouped([Span(0, 2, "a")], LIMIT, 8)
    assert alone.halves(LIMIT, 8) == ()


# --- settings ------------------------------------------------------------------------

GOOD = {"driver": "modbus", "host": "pump"}
HOLDING = {"table": "holding", "address": 5, "format": "int16"}


@pytest.mark.parametrize(
    ("connection", "tag", "words"),
    [
        ({"port": 0}, HOLDING, "Expected `int` >= 1 - at `$.port`"),
        ({"host": ""}, HOLDING, "at `$.host`"),
        ({"unit": 3}, HOLDING, "has no setting 'unit'; it has host, port, unit_id"),
        ({"max_registers": 126}, HOLDING, "at `$.max_registers`"),
        ({"bit_write": "xor"}, HOLDING, "at `$.bit_write`"),
        ({}, {**HOLDING, "table": "register"}, "at `$.table`"),
        ({}, {**HOLDING, "address": 65536}, "at `$.address`"),
        ({}, {**HOLDING, "address": 40001.5}, "at `$.address`"),
        ({}, {**HOLDING, "format": "int8"}, "format 'int8' is none of bool, int16"),
        ({}, {"table": "holding", "address": 5}, "a register needs a format, or a bit"),
        ({}, {**HOLDING, "format": "bool"}, "say which bit of the register"),
        ({}, {**HOLDING, "bit": 3}, "a bit has no format 'int16'"),
        ({}, {"table": "coil", "address": 1, "bit": 3}, "a coil is one bit"),
        (
            {},
            {"table": "holding", "address": 65533, "format": "float64"},
            "ends beyond the last address, 65535",
        ),
        (
            {},
            {**HOLDING, "table": "input", "writable": True},
            "is writable, but the table input can only be read",
        ),
        (
            {},
            {**HOLDING, "format": "string(8)"},
            "is string(8): its type must be text, not float",
        ),
        ({}, {**HOLDING, "type": "text"}, "must be float, integer or boolean, not tex"),
        (
            {"max_registers": 2},
            {**HOLDING, "format": "float64"},
            "takes 4 registers, more than max_registers",
        ),
    ],
)
def test_what_does_not_go_together_is_told_with_its_place(
    connection, tag, words, tmp_path
) -> None:
    with pytest.raises(ConfigError) as flaw:
        connected(Clock(), {**GOOD, **connection}, {"speed": tag}, tmp_path)
    assert str(flaw.value).startswith("tags.toml: ")
    assert words in str(flaw.value)


@pytest.mark.parametrize(
    ("order", "bit", "mask"),
    [("big", 0, 0x0001), ("big", 9, 0x0200), ("little", 0, 0x0100)],
)
def test_a_bit_is_written_where_it_is_read(order, bit, mask) -> None:
    address = Address(table="holding", address=5, bit=bit, byte_order=order)
    point = Point(Tag(tag="b", type=TagType.BOOLEAN), address, PointSettings())
    (spot,) = spots_of(Settings(host="pump"), [point])
    assert spot.mask == mask
    assert spot.value([mask]) is True
    assert spot.value([0xFFFF ^ mask]) is False


def test_two_tags_at_one_place_are_refused_but_not_two_bits(tmp_path) -> None:
    with pytest.raises(ConfigError, match="'a' and 'b' are both unit 1 holding 5"):
        connected(Clock(), GOOD, {"a": HOLDING, "b": HOLDING}, tmp_path)
    bits = {f"b{n}": {"table": "holding", "address": 5, "bit": n} for n in (0, 1)}
    assert len(connected(Clock(), GOOD, bits, tmp_path).tags()) == 3
