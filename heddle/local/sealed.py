"""A file that only a passphrase opens, of any length and read from front to back.

Its first line tells in clear what it is, which Heddle made it when, and how a key is
made of the passphrase (argon2id). All else is sealed with libsodium's secretstream
(XChaCha20-Poly1305) in pieces, each bound to its place and the first to that line, and
the last says that it is the last. So what was changed, cut short or lengthened is
refused; nothing read before the end was reached may be believed.
"""

import io
import json
from dataclasses import asdict, dataclass
from typing import IO, Any

import msgspec
from nacl import bindings, exceptions
from nacl.pwhash import argon2id
from nacl.utils import random
from typing_extensions import override

from heddle.contract.declare import LocalError

_State = bindings.crypto_secretstream_xchacha20poly1305_state
_init_push = bindings.crypto_secretstream_xchacha20poly1305_init_push
_init_pull = bindings.crypto_secretstream_xchacha20poly1305_init_pull
_push = bindings.crypto_secretstream_xchacha20poly1305_push
_pull = bindings.crypto_secretstream_xchacha20poly1305_pull
_MORE = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_LAST = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_TAG_BYTES = bindings.crypto_secretstream_xchacha20poly1305_ABYTES
_KEY_BYTES = bindings.crypto_secretstream_xchacha20poly1305_KEYBYTES

KIND = "sealed installation"
FORMAT = 1
PIECE_BYTES = 1 << 20
LEAST_CHARACTERS = 12
_LONGEST_LINE = 1000
_MOST_MEMORY, _MOST_PASSES = 1 << 30, 12  # a stranger's file asks for no more


class NotSealed(LocalError):
    """The file is none of ours, or of a format that this version does not read."""


class WrongPassphrase(LocalError):
    """The passphrase is not that of the file, or is none."""


class SealBroken(LocalError):
    """The file is not as it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardness:
    """What a guess at the passphrase costs."""

    passes: int = argon2id.OPSLIMIT_MODERATE
    memory_bytes: int = argon2id.MEMLIMIT_MODERATE  # 256 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the first line tells."""

    kind: str
    format: int
    heddle: str  # the version that made it
    made_at: str
    salt: str  # hex, as is ``start``
    passes: int
    memory_bytes: int
    start: str = ""

    def key(self, passphrase: str) -> bytes:
        """The key that opens it. Raises ``NotSealed``."""
        try:
            salt = bytes.fromhex(self.salt)
            if self.memory_bytes > _MOST_MEMORY or self.passes > _MOST_PASSES:
                raise NotSealed(
                    "the file asks for more memory or time than Heddle ever does: it "
                    "is damaged, or none of ours"
                )
            return argon2id.kdf(
                _KEY_BYTES,
                passphrase.encode(),
                salt,
                opslimit=self.passes,
                memlimit=self.memory_bytes,
            )
        except (ValueError, exceptions.CryptoError) as flaw:
            raise NotSealed(
                f"no key can be made of the passphrase ({flaw}): the file is damaged, "
                f"or {self.memory_bytes >> 20} MB of memory are not to be had"
            ) from None


def check_passphrase(passphrase: str) -> None:
    """Refuse one that is soon guessed. Raises ``WrongPassphrase``."""
    if len(passphrase) < LEAST_CHARACTERS:
        raise WrongPassphrase(
            f"the passphrase has {len(passphrase)} characters: whoever guesses it has "
            f"the whole fleet, so take {LEAST_CHARACTERS} or more, best some words"
        )


class Sealing(io.RawIOBase):
    """Seals what is written; ``finish`` makes it whole. ``out`` stays the caller's."""

    def __init__(
        self,
        out: IO[bytes],
        passphrase: str,
        *,
        heddle: str,
        made_at: str,
        hardness: Hardness | None = None,
    ) -> None:
        super().__init__()
        check_passphrase(passphrase)
        self._out = out
        self._state = _State()
        self._waiting = bytearray()
        cost = hardness or Hardness()
        label = Label(
            kind=KIND,
            format=FORMAT,
            heddle=heddle,
            made_at=made_at,
            salt=random(argon2id.SALTBYTES).hex(),
            passes=cost.passes,
            memory_bytes=cost.memory_bytes,
        )
        start = _init_push(self._state, label.key(passphrase))
        line = json.dumps({**asdict(label), "start": start.hex()}).encode() + b"\n"
        out.write(line)
        out.write(_push(self._state, b"", line, _MORE))  # tells a wrong passphrase

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, content: Any, /) -> int:
        """Take it; a piece is written as soon as it is full."""
        fresh = bytes(content)
        self._waiting += fresh
        while len(self._waiting) > PIECE_BYTES:
            self._put(bytes(self._waiting[:PIECE_BYTES]), _MORE)
            del self._waiting[:PIECE_BYTES]
        return len(fresh)

    def finish(self) -> None:
        """Nothing comes any more."""
        self._put(bytes(self._waiting), _LAST)
        self._waiting.clear()

    def _put(self, piece: bytes, tag: int) -> None:
        self._out.write(_push(self._state, piece, None, tag))


class Opened(io.RawIOBase):
    """What is in a sealed file, to be read once; ``finish`` proves that it was all."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        """Raises ``NotSealed``, ``WrongPassphrase``, ``SealBroken``."""
        super().__init__()
        self._file = file
        self._state = _State()
        self._ready = memoryview(b"")
        self._ended = False
        line, self.label = read_label(file)
        try:
            start = bytes.fromhex(self.label.start)
            _init_pull(self._state, start, self.label.key(passphrase))
            _pull(self._state, file.read(_TAG_BYTES), line)
        except (ValueError, exceptions.CryptoError):
            raise WrongPassphrase(
                "the passphrase is not the one the file was made with, or the file's "
                "beginning is damaged"
            ) from None

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int:
        """Some bytes; none at the end. Raises ``SealBroken``."""
        view = memoryview(buffer)
        while not self._ready and not self._ended:
            self._next()
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def finish(self) -> None:
        """Read to the end. Raises ``SealBroken`` if it does not come as it should."""
        while not self._ended:
            self._next()

    def _next(self) -> None:
        sealed = self._file.read(PIECE_BYTES + _TAG_BYTES)
        try:
            piece, tag = _pull(self._state, sealed)
        except (ValueError, exceptions.CryptoError):
            at = self._file.tell()
            why = "is cut short" if not sealed else "was changed or cut short"
            raise SealBroken(
                f"the file {why} before byte {at}: take another copy of it"
            ) from None
        self._ready, self._ended = memoryview(piece), tag == _LAST
        if self._ended and self._file.read(1):
            raise SealBroken("the file goes on after its end: take another copy of it")


def read_label(file: IO[bytes]) -> tuple[bytes, Label]:
    """The first line, and what it says. Raises ``NotSealed``."""
    line = file.readline(_LONGEST_LINE)
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise NotSealed("the file is no whole backup of Heddle's")
    if found.get("format") != FORMAT:
        raise NotSealed(
            f"the file has format {found.get('format')!r}, this Heddle reads {FORMAT}: "
            f"use the one that made it, {found.get('heddle')}"
        )
    try:
        return line, msgspec.convert(found, Label)
    except msgspec.ValidationError as flaw:
        raise NotSealed(f"the file's first line is damaged: {flaw}") from None
