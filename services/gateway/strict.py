"""Request types as the API takes them: the contract's, with nothing unknown let pass.

On the wire a field nobody knows is ignored below the top, so that versions can meet. A
person who types ``auto_rolback`` wants to hear of it: of each message a twin is made
that refuses unknown fields, and whose numbers are such as every part can carry.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from services.gateway.problems import Unportable

MOST_DEPTH = 64
_INT32 = Meta(ge=-(2**31), le=2**31 - 1)
_INSTANT = Meta(ge=0, le=2**53)
LARGEST_INT = 2**63 - 1


def twin(
    kind: type[Any],
    name: str,
    *,
    without: frozenset[str] = frozenset(),
    kinds: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> type[msgspec.Struct]:
    """A struct like the message ``kind``, but strict.

    ``kinds`` are other types for some fields, ``names`` other names, by the message's
    own names; ``defaults`` other defaults.
    """
    hints = get_type_hints(kind)
    found: list[Any] = []
    for each in fields(kind):
        if each.name in without:
            continue
        of = (kinds or {}).get(each.name) or _strict(each.name, hints[each.name])
        called = (names or {}).get(each.name, each.name)
        if defaults is not None and each.name in defaults:
            found.append((called, of, defaults[each.name]))
        elif each.default is not MISSING:
            found.append((called, of, each.default))
        elif each.default_factory is not MISSING:
            factory = msgspec.field(default_factory=each.default_factory)
            found.append((called, of, factory))
        else:
            found.append((called, of))
    return msgspec.defstruct(
        name,
        found,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        namespace={"__doc__": kind.__doc__},
    )


@cache
def nested(kind: type[Any]) -> type[msgspec.Struct]:
    """The twin of a message within another."""
    return twin(kind, f"{kind.__name__}Input")


def plain(name: str, kind: Any) -> Any:
    """A field's type as a query has it: there is no null."""
    kinds = [one for one in get_args(kind) if one is not NoneType]
    if get_origin(kind) in (Union, UnionType):
        kind = Union[tuple(kinds)]  # noqa: UP007
    return _strict(name, kind)


def whole(value: object) -> object:
    """The same JSON, with 2.0 written as 2: it has one kind of numbers."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: whole(one) for key, one in value.items()}
        case list():
            return [whole(one) for one in value]
        case _:
            return value


def _strict(name: str, kind: Any) -> Any:
    if kind is int:
        return Annotated[int, _INSTANT if name.endswith(("_ms", "_us")) else _INT32]
    if isinstance(kind, type) and is_dataclass(kind):
        return nested(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return Union[tuple(_strict(name, one) for one in arguments)]  # noqa: UP007
    if origin is tuple:
        return tuple[_strict(name, arguments[0]), ...]  # type: ignore[misc]
    if origin is dict:
        return dict[str, _strict(name, arguments[1])]  # type: ignore[misc]
    return kind


def check_portable(value: object, where: str = "$", depth: int = 0) -> None:
    """Raises ``Unportable`` for JSON that not every part could carry or keep.

    That is: U+0000 in text, integers beyond 64 bits, and too many levels.
    """
    if depth > MOST_DEPTH:
        raise Unportable(f"{where[:60]}… is nested deeper than {MOST_DEPTH} levels")
    match value:
        case dict():
            for key, one in value.items():
                _check_leaf(key, f"a key of {where}")
                check_portable(one, f"{where}.{key}", depth + 1)
        case list() | tuple():
            for index, one in enumerate(value):
                check_portable(one, f"{where}[{index}]", depth + 1)
        case _:
            _check_leaf(value, where)


def _check_leaf(value: object, where: str) -> None:
    match value:
        case str() if "\0" in value:
            raise Unportable(f"{where} holds the character U+0000")
        case int() if not -LARGEST_INT <= value <= LARGEST_INT:
            raise Unportable(f"{where} is a number beyond 64 bits")
        case float() if not math.isfinite(value):
            raise Unportable(f"{where} is a number that is too large")
        case _:
            return
