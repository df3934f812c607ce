"""Sparkplug payloads, held to bytes that Google's protobuf library wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.mqtt.payload import Malformed
from edge_agent.drivers.sparkplug.payload import (
    BITS,
    SIGNED,
    DataType,
    Metric,
    Payload,
    decode,
    encode,
    value_of,
    wire_of,
)

# Written by protobuf 7.36 with the message definitions of Sparkplug 3.0: a birth with
# every kind of value, and with what we skip (a file, a data set, a template);
# data with an alias of two bytes; and what our own ``encode`` must give.
BIRTH = bytes.fromhex(
    "08fbd095ffbc3112140a056264536571100018e4d095ffbc312004580712230a144e6f64652043"
    "6f6e74726f6c2f52656269727468100118e4d095ffbc31200b700012170a04696e7438100218e4"
    "d095ffbc31200150ffffffff0f12160a05696e743136100318e4d095ffbc3120025085ff031218"
    "0a05696e743332100418e4d095ffbc3120035090ddfbff0f121d0a05696e743634100518e4d095"
    "ffbc31200458809ce8afedffffffff0112190a0675696e743332100618e4d095ffbc3120075080"
    "d0acf30e121e0a0675696e743634100718e4d095ffbc312008588180808080808080800112170a"
    "05666c6f6174100818e4d095ffbc312009650000c03f121c0a06646f75626c65100918e4d095ff"
    "bc31200a699a9999999999b9bf121a0a0474657874100a18e4d095ffbc31200c7a074772c3bcc3"
    "9f6512180a0464617465100b18e4d095ffbc31200d5880d095ffbc3112130a046e756c6c100c18"
    "e4d095ffbc31200a3801123f0a057261746564100d18e4d095ffbc31200a4a220a07656e67556e"
    "69740a075175616c6974791207080c42036261721205080318c001690000000000000a4012250a"
    "0466696c65100e18e4d095ffbc312012420c120a746578742f706c61696e82010361626312200a"
    "03736574100f18e4d095ffbc3120108a010d0801120161180322040a020805122b0a0874656d70"
    "6c617465101018e4d095ffbc3120139201130a0131120e0a05696e6e6572200965000000401800"
    "2201752a020001"
)
DATA = bytes.fromhex(
    "08e8d795ffbc31121510ac0218e7d795ffbc312801699c7500883ce4377e120410055000120410"
    "06700118ff01"
)
PLAIN = bytes.fromhex(
    "08fbd095ffbc3112110a03612f621001180520035090ddfbff0f120f1002200458ffffffffffff"
    "ffffff01120a0a01662009650000c03f120e0a0164200a699a9999999999b9bf12070a0162200b"
    "700112090a0173200c7a02c3a412070a016e200a380112200a0171200a4a100a075175616c6974"
    "791205080318f4036900000000000000401803"
)


T = 1_700_000_000_100


def born(name: str, alias: int, type_: int, wire=None, **more) -> Metric:
    return Metric(name=name, alias=alias, at_ms=T, type=type_, wire=wire, **more)


def test_a_birth_of_another_library_is_read() -> None:
    assert decode(BIRTH) == Payload(
        at_ms=1_700_000_000_123,
        seq=0,
        metrics=(
            born("bdSeq", 0, 4, 7),
            born("Node Control/Rebirth", 1, 11, wire=False),
            born("int8", 2, 1, 2**32 - 1),
            born("int16", 3, 2, 2**16 - 123),
            born("int32", 4, 3, 2**32 - 70_000),
            born("int64", 5, 4, 2**64 - 5_000_000_000),
            born("uint32", 6, 7, 4_000_000_000),
            born("uint64", 7, 8, 2**63 + 1),
            born("float", 8, 9, 1.5),
            born("double", 9, 10, -0.1),
            born("text", 10, 12, "Grüße"),
            born("date", 11, 13, 1_700_000_000_000),
            born("null", 12, 10),
            born("rated", 13, 10, 3.25, quality=192),
            born("file", 14, 18),
            born("set", 15, 16),
            born("template", 16, 19),
        ),
    )
    values = [value_of(each.type, each.wire) for each in decode(BIRTH).metrics]
    integers = [-1, -123, -70_000, -5_000_000_000, 4_000_000_000, 2**63 + 1]
    assert values[2:8] == integers
    assert values[8:12] == [1.5, -0.1, "Grüße", 1_700_000_000_000]


def test_data_of_another_library_are_read() -> None:
    at = 1_700_000_000_999
    assert decode(DATA) == Payload(
        at_ms=1_700_000_001_000,
        seq=255,
        metrics=(
            Metric(alias=300, at_ms=at, historical=True, wire=1e300),
            Metric(alias=5, wire=0),
            Metric(alias=6, wire=True),
        ),
    )
    assert decode(b"") == Payload()


def test_what_we_write_is_what_another_library_writes() -> None:
    payload = Payload(
        at_ms=1_700_000_000_123,
        seq=3,
        metrics=(
            Metric(name="a/b", alias=1, at_ms=5, type=3, wire=wire_of(3, -70_000)),
            Metric(alias=2, type=4, wire=wire_of(4, -1)),
            Metric(name="f", type=9, wire=1.5),
            Metric(name="d", type=10, wire=-0.1),
            Metric(name="b", type=11, wire=True),
            Metric(name="s", type=12, wire="ä"),
            Metric(name="n", type=10, wire=None),
            Metric(name="q", type=10, wire=2.0, quality=500),
        ),
    )
    assert encode(payload) == PLAIN
    assert decode(PLAIN) == payload


@pytest.mark.parametrize("cut", [1, 5, 20, 60, len(BIRTH) - 1])
def test_a_payload_cut_off_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        decode(BIRTH[:cut])


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    try:
        decode(data)
    except Malformed:
        return


@given(st.integers(0, len(BIRTH) - 1), st.integers(0, 255))
def test_a_flipped_byte_is_read_or_malformed(at: int, byte: int) -> None:
    try:
        decode(BIRTH[:at] + bytes([byte]) + BIRTH[at + 1 :])
    except Malformed:
        return


@given(st.sampled_from(sorted(BITS)), st.data())
def test_integers_of_every_type_come_back(type_: DataType, data: st.DataObject) -> None:
    bits = BITS[type_]
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if type_ not in SIGNED:
        low, high = 0, 2**bits - 1
    value = data.draw(st.integers(low, high))
    sent = encode(Payload(metrics=(Metric(type=type_, wire=wire_of(type_, value)),)))
    (metric,) = decode(sent).metrics
    assert value_of(type_, metric.wire) == value
    for beyond in (low - 1, high + 1):
        with pytest.raises(Malformed, match=f"takes {low} to {high}, not"):
            wire_of(type_, beyond)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (DataType.BOOLEAN, 2),
        (DataType.BOOLEAN, "true"),
        (DataType.INT32, 1.5),
        (DataType.INT32, True),
        (DataType.DOUBLE, "1"),
        (DataType.FLOAT, 1e300),
        (DataType.STRING, 1),
        (16, 1),
    ],
)
def test_a_value_of_another_kind_is_not_sent(type_: int, value) -> None:
    with pytest.raises(Malformed, match="does not take"):
        wire_of(type_, value)
