"""Payloads to values and back; what does not fit is malformed, with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.mqtt.payload import (
    MAX_BYTES,
    Form,
    Malformed,
    decoded,
    encoded,
    is_json,
    path_of,
)
from heddle.contract.devices import TagType

FLOAT, INTEGER = Form(TagType.FLOAT), Form(TagType.INTEGER)
BOOLEAN, TEXT, JSON = Form(TagType.BOOLEAN), Form(TagType.TEXT), Form(TagType.JSON)


def at(path: str, type_: TagType = TagType.FLOAT, time: str | None = None) -> Form:
    time_path = None if time is None else path_of(time)
    return Form(type_, json=True, path=path_of(path), time_path=time_path)


@pytest.mark.parametrize(
    ("payload", "form", "value"),
    [
        (b"21.5", FLOAT, 21.5),
        (b" -1e3\n", FLOAT, -1000.0),
        (b"12", INTEGER, 12),
        (b"12.0", INTEGER, 12),
        (b"ON", BOOLEAN, True),
        (b"0", BOOLEAN, False),
        (b"OPEN", Form(TagType.BOOLEAN, true_word="OPEN", false_word="CLOSED"), True),
        ("grün".encode(), TEXT, "grün"),
        (b"", TEXT, ""),
        (b'{"a": [1, 2]}', JSON, '{"a":[1,2]}'),
        (b"3", at(""), 3),
        (b'{"data": {"t": 21.5}}', at("data.t"), 21.5),
        (b'{"d": [{"t": 1}, {"t": 2}]}', at("d.1.t"), 2),
        (b'{"d.x": {"a": 1}}', at("/d.x/a"), 1),
        (b'{"t": "21.5"}', at("t"), 21.5),
        (b'{"t": null}', at("t"), None),
        (b'{"on": true}', at("on", TagType.BOOLEAN), True),
        (b'{"on": 0}', at("on", TagType.BOOLEAN), False),
        (b'{"mode": {"a": 1}}', at("mode", TagType.TEXT), '{"a":1}'),
        (b'{"mode": {"a": 1}}', at("mode", TagType.JSON), '{"a":1}'),
    ],
)
def test_a_value_is_found(payload: bytes, form: Form, value) -> None:
    found, at_us = decoded(payload, form)
    assert (found, type(found), at_us) == (value, type(value), None)


@pytest.mark.parametrize(
    ("time", "at_us"),
    [
        (b"1700000000123", 1_700_000_000_123_000),
        (b'"2023-11-14T22:13:20.5Z"', 1_700_000_000_500_000),
        (b'"2023-11-14T23:13:20+01:00"', 1_700_000_000_000_000),
        (b'"2023-11-14T22:13:20"', 1_700_000_000_000_000),
    ],
)
def test_a_time_is_milliseconds_or_iso(time: bytes, at_us: int) -> None:
    payload = b'{"v": 1, "at": %b}' % time
    assert decoded(payload, at("v", time="at")) == (1, at_us)


@pytest.mark.parametrize(
    ("payload", "form", "why"),
    [
        (b"", FLOAT, "'' is no number"),
        (b"1,5", FLOAT, "'1,5' is no number"),
        (b"1_000", FLOAT, "is no number"),
        (b"nan", FLOAT, "is no number"),
        (b"1e999", FLOAT, "inf is no finite number"),
        (b"true", FLOAT, "is no number"),
        (b"1.5", INTEGER, "1.5 is no whole number"),
        (b"9" * 30, INTEGER, "is more than 64 bits"),
        (b"maybe", BOOLEAN, "is no word for true or false"),
        (b"\xff\xfe", TEXT, "is no text in UTF-8"),
        (b"{", JSON, "is no JSON"),
        (b"x" * (MAX_BYTES + 1), TEXT, "bytes; 262144 are the most"),
        (b"{no", at("a"), "it is no JSON: '{no'"),
        (b"[" * 100_000, at("a"), "it is no JSON"),
        (b'{"a": 1}', at("b"), "it has nothing at 'b'"),
        (b'{"a": [1]}', at("a.1"), "it has nothing at 'a.1'"),
        (b'{"a": true}', at("a"), "True is no number"),
        (b'{"a": {}}', at("a"), "{} is no number"),
        (b'{"a": 2}', at("a", TagType.BOOLEAN), "2 is neither true nor false"),
        (b'{"a": 1}', at("a", time="t"), "it has nothing at 't'"),
        (b'{"a": 1, "t": "soon"}', at("a", time="t"), "no time in ISO 8601"),
        (b'{"a": 1, "t": -5}', at("a", time="t"), "no time of ours"),
        (b'{"a": 1, "t": [1]}', at("a", time="t"), "give milliseconds or ISO"),
    ],
)
def test_what_does_not_fit_is_malformed(payload: bytes, form: Form, why: str) -> None:
    with pytest.raises(Malformed) as flaw:
        decoded(payload, form)
    assert why in str(flaw.value)
    assert len(str(flaw.value)) < 140


@pytest.mark.parametrize(
    ("template", "value", "sent"),
    [
        ("{value}", 21.5, b"21.5"),
        ("{value}", True, b"ON"),
        ("{value}", "a {key} b", b"a {key} b"),
        ("set {value} {key}", 3, b"set 3 k-1"),
        ('{"v": {value}, "key": {key}}', 3, b'{"v": 3, "key": "k-1"}'),
        ('{"v": {value}}', 'a"b{key}', b'{"v": "a\\"b{key}"}'),
        ('{"v": {value}}', False, b'{"v": false}'),
    ],
)
def test_a_setpoint_fills_the_template(template: str, value, sent: bytes) -> None:
    form = Form(TagType.BOOLEAN, true_word="ON", false_word="OFF")
    assert encoded(template, value, "k-1", form) == sent


def test_a_template_that_is_almost_json_is_refused() -> None:
    assert is_json('{"v": {value}}')
    assert not is_json("{value}")
    with pytest.raises(Malformed, match="begins like JSON"):
        is_json('{"v": {value}')


@given(st.binary(max_size=60), st.sampled_from(list(TagType)), st.booleans())
def test_any_bytes_are_a_value_or_malformed(data: bytes, type_, json) -> None:
    try:
        decoded(data, Form(type_, json=json, path=("a",) if json else ()))
    except Malformed:
        return


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_as_they_were_sent(number: float) -> None:
    assert decoded(encoded("{value}", number, "", FLOAT), FLOAT)[0] == number
