"""A sealed file opens with its passphrase, whole and unchanged, or not at all."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.local import sealed
from heddle.local.sealed import (
    Hardness,
    NotSealed,
    Opened,
    SealBroken,
    Sealing,
    WrongPassphrase,
)

WORDS = "seven looms in a quiet mill"
CHEAP = Hardness(passes=1, memory_bytes=8192)
PIECE = 64


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "PIECE_BYTES", PIECE)


def seal(content: bytes, passphrase: str = WORDS) -> bytes:
    out = io.BytesIO()
    sealing = Sealing(
        out, passphrase, heddle="1.2.3", made_at="2026-11-23", hardness=CHEAP
    )
    for at in range(0, len(content), 50):
        sealing.write(content[at : at + 50])
    sealing.finish()
    return out.getvalue()


def unseal(file: bytes, passphrase: str = WORDS) -> bytes:
    opened = Opened(io.BytesIO(file), passphrase)
    content = io.BufferedReader(opened, 10).read()
    opened.finish()
    return content


@given(st.binary(max_size=5 * PIECE))
@settings(max_examples=50)
def test_what_was_sealed_comes_out(content: bytes) -> None:
    assert unseal(seal(content)) == content


@given(st.data())
@settings(max_examples=100)
def test_no_changed_byte_is_believed(data: st.DataObject) -> None:
    file = bytearray(seal(bytes(range(200))))
    at = data.draw(st.integers(0, len(file) - 1))
    file[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((NotSealed, WrongPassphrase, SealBroken)):
        unseal(bytes(file))


@given(st.data())
@settings(max_examples=50)
def test_no_part_of_a_file_is_believed(data: st.DataObject) -> None:
    file = seal(bytes(range(200)))
    length = data.draw(st.integers(0, len(file) - 1))
    with pytest.raises((NotSealed, WrongPassphrase, SealBroken)):
        unseal(file[:length])


def test_a_piece_left_out_or_at_another_place_is_noticed() -> None:
    file = seal(b"a" * PIECE + b"b" * PIECE + b"c" * PIECE)
    begins = file.index(b"\n") + 1 + 17
    sealed_piece = PIECE + 17
    first, second, last = (
        file[begins + i * sealed_piece : begins + (i + 1) * sealed_piece]
        for i in range(3)
    )
    head = file[:begins]
    assert unseal(head + first + second + last)[:PIECE] == b"a" * PIECE
    for pieces in ((first, last), (second, first, last), (first, first, second, last)):
        with pytest.raises(SealBroken, match=r"was changed or cut short before byte"):
            unseal(head + b"".join(pieces))
    with pytest.raises(SealBroken, match="is cut short"):
        unseal(head + first + second)
    with pytest.raises(SealBroken):
        unseal(file + b"more")


def test_another_passphrase_does_not_open_it() -> None:
    with pytest.raises(WrongPassphrase, match="not the one the file was made with"):
        unseal(seal(b"keys"), WORDS + "!")


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(WrongPassphrase, match="has 6 characters"):
        seal(b"keys", "secret")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "no whole backup"),
        (b"PGDMP\x01\x0e", "no whole backup"),
        (b"[" * 900, "no whole backup"),
        (b'{"kind": "another"}', "no whole backup"),
        (
            b'{"kind": "sealed installation", "format": 2, "heddle": "9.0"}',
            "has format 2, this Heddle reads 1: use the one that made it, 9.0",
        ),
        (b'{"kind": "sealed installation", "format": 1}', "first line is damaged"),
    ],
)
def test_a_file_of_another_kind_is_told_apart(line: bytes, said: str) -> None:
    with pytest.raises(NotSealed, match=said):
        unseal(line + b"\n")


def test_a_strangers_file_cannot_ask_for_all_memory() -> None:
    line, _, rest = seal(b"keys").partition(b"\n")
    label = json.loads(line)
    for greedy in ({"memory_bytes": 1 << 40}, {"passes": 10_000}):
        asked = json.dumps({**label, **greedy}).encode() + b"\n" + rest
        with pytest.raises(NotSealed, match="more memory or time"):
            unseal(asked)
