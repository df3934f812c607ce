"""What the router reads of CBOR, and that the rest costs it nothing."""

from typing import Any

import cbor2
import pytest
from cbor2 import CBORTag

from services.gatekeeper.plain_cbor import DEEPEST, read

PLAIN: list[Any] = [
    [1, "system", {"roles": {"caller": {}}, "n": None, "b": b"\x00\xff"}],
    [48, 2**53, {}, "heddle.x", [1.5, True, "½", -(2**63), 2**64 - 1], {"k": []}],
]


@pytest.mark.parametrize("message", PLAIN, ids=["hello", "call"])
def test_what_clients_say_is_read(message: Any) -> None:
    assert read(cbor2.dumps(message)) == message


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(cbor2.dumps(CBORTag(30, [2**4000, 3**2000])), id="fraction"),
        pytest.param(cbor2.dumps(CBORTag(35, "(a|a)*" * 50)), id="expression"),
        pytest.param(cbor2.dumps(CBORTag(36, "From: x\n\n")), id="mail"),
        pytest.param(cbor2.dumps(2**200), id="long number"),
        pytest.param(cbor2.dumps(CBORTag(4, [10**9, 1])), id="decimal"),
        pytest.param(cbor2.dumps(CBORTag(5, [10**6, 1])), id="big float"),
        pytest.param(cbor2.dumps(CBORTag(258, [1, 2])), id="set"),
        pytest.param(cbor2.dumps(CBORTag(260, b"\x7f\0\0\1")), id="address"),
        pytest.param(cbor2.dumps(CBORTag(0, "2026-01-01T00:00:00Z")), id="moment"),
        pytest.param(bytes.fromhex("d81c81d81d00"), id="list in itself"),
        pytest.param(bytes.fromhex("d901008261616161"), id="named texts"),
        pytest.param(bytes.fromhex("a1820102f6"), id="list as a key"),
        pytest.param(bytes.fromhex("a101f6"), id="number as a key"),
        pytest.param(b"\x81" * (DEEPEST + 1) + b"\x80", id="nested"),
        pytest.param(bytes.fromhex("9b7fffffffffffffff"), id="endless list"),
        pytest.param(bytes.fromhex("bb7fffffffffffffff"), id="endless map"),
        pytest.param(bytes.fromhex("5b7fffffffffffffff"), id="endless bytes"),
        pytest.param(bytes.fromhex("7b00000001ffffffff6161"), id="endless text"),
    ],
)
def test_all_else_is_refused(raw: bytes) -> None:
    with pytest.raises((cbor2.CBORDecodeError, OverflowError, MemoryError)):
        read(raw)


def test_whatever_tag_has_a_meaning_to_the_library_is_refused() -> None:
    for tag in (*range(64), *range(100, 105), *range(256, 280), 1004, 43000):
        with pytest.raises(cbor2.CBORDecodeError):
            read(cbor2.dumps(CBORTag(tag, [])))
