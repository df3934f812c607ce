"""Reads CBOR without what WAMP has no use for: tags, and keys that are no text.

A tag lets the sender choose what Python does while it reads, before anybody knows who
they are: reduce a fraction of numbers with a million digits, compile a regular
expression, parse an e-mail; a list as a key can be chosen so that a dictionary of many
compares each with each. Payloads that hold such things were refused before, but only
once they had been read.
"""

from typing import Any

from autobahn.wamp import serializer
from cbor2 import loads

DEEPEST = 100  # a payload may have 64; the message is around it


class TagRefused(ValueError):
    """A CBOR tag where plain values belong."""


def _refuse(_value: object, _immutable: bool) -> Any:
    raise TagRefused("a CBOR tag")


# All that cbor2 has a meaning for; of others it makes objects, which are refused later.
_TAGS = dict.fromkeys((*range(64), *range(100, 105), *range(256, 280), 1004), _refuse)
_TAGS |= dict.fromkeys((43000, 55799), _refuse)


def read(raw: bytes) -> Any:
    """What the bytes say. Raises a ``CBORDecodeError``."""
    return loads(
        raw, semantic_decoders=_TAGS, strict_hashable_types=True, max_depth=DEEPEST
    )


def read_plain_cbor_only() -> None:
    """Have autobahn read CBOR so, in this process, from the next connection on."""
    serializer._cbor_loads = read
