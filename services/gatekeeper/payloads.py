"""What a payload may hold, so that everyone it is passed on to can read it.

The router speaks CBOR, MessagePack and JSON, and what one of them can say another
cannot: a dictionary with the key 1, sent as CBOR, breaks the link of a service that is
given it as MessagePack, so that anyone could throw any service off the router. And CBOR
can name one list many times: 100 bytes that become gigabytes when they are written out.

A payload may hold null, booleans, 64-bit integers, floats, text, bytes, lists, and
dictionaries whose keys are text, none of them inside another twice.
"""

from collections.abc import Collection, Mapping
from typing import Any

DEEPEST = 64
_LEAST, _GREATEST = -(1 << 63), (1 << 64) - 1
_SIMPLE = frozenset({float, bool, bytes, type(None)})


class _Flaw(Exception):
    pass


def flaw_of(
    args: Collection[Any] | None, kwargs: Mapping[str, Any] | None
) -> str | None:
    """What makes this payload unfit to be passed on, if anything does."""
    try:
        seen: set[int] = set()
        _check(args or (), seen, DEEPEST)
        _check_dict(kwargs or {}, seen, DEEPEST)
    except _Flaw as flaw:
        return str(flaw)
    return None


def _check(values: Collection[Any], seen: set[int], depth: int) -> None:
    kinds = set(map(type, values))
    if kinds <= _SIMPLE:
        return
    if kinds == {str}:
        _check_text("".join(values))
        return
    if depth == 0:
        raise _Flaw("lists in lists without end")
    for value in values:
        kind = type(value)
        if kind is dict or kind is list:
            if id(value) in seen:
                raise _Flaw("the same list twice")
            seen.add(id(value))
            check = _check_dict if kind is dict else _check
            check(value, seen, depth - 1)
        elif kind not in _SIMPLE:
            _check_single(value)


def _check_single(value: Any) -> None:
    if type(value) is str:
        _check_text(value)
    elif type(value) is not int:
        raise _Flaw(f"a {type(value).__name__}")
    elif not _LEAST <= value <= _GREATEST:
        raise _Flaw("an integer beyond 64 bits")


def _check_dict(value: Mapping[Any, Any], seen: set[int], depth: int) -> None:
    for key in value:
        if type(key) is not str:
            raise _Flaw(f"a key that is a {type(key).__name__}")
        _check_text(key)
    _check(value.values(), seen, depth)


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Flaw("a text that is no Unicode") from None
