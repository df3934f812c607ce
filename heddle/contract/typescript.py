"""The contract as TypeScript, for the page and any other browser client.

It tells what people may use: the procedures a person may call, the topics a person may
hear, the messages these carry and every error's URI. What passes between services only
is left out. Refuses types that JSON cannot carry to a browser. Renew the page's copy
with ``python -m heddle.contract.typescript > services/web/src/contract.ts``.
"""

import enum
import sys
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from heddle.contract import CHAPTERS, ERRORS
from heddle.contract.declare import PEOPLE, SYSTEM_REALM, Procedure, Role, Topic

HEAD = f"""\
// Made from heddle/contract by `python -m heddle.contract.typescript`: do not edit.

/** A remote call; the two optional members only carry types and are never there. */
export interface Procedure<Request, Reply> {{
  readonly uri: string;
  readonly calledBy: readonly Role[];
  readonly request?: Request;
  readonly reply?: Reply;
}}

/** A stream of events; the optional member only carries its type. */
export interface Topic<Event> {{
  readonly uri: string;
  readonly event?: Event;
}}

/** Bytes as WAMP's JSON carries them: U+0000, then base64. */
export type Packed = string;

export const SYSTEM_REALM = "{SYSTEM_REALM}";
"""
_PLAIN = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    bytes: "Packed",
    Any: "unknown",
}
_EVERYONE = PEOPLE | {Role.PERSON}


def typescript() -> str:
    """The whole module's text."""
    procedures = {n: p for n, p in _named(Procedure) if p.called_by & _EVERYONE}
    topics = {n: t for n, t in _named(Topic) if t.subscribed_by & PEOPLE}
    answers = _reachable(
        [p.reply for p in procedures.values()] + [t.event for t in topics.values()]
    )
    kinds = answers | _reachable(p.request for p in procedures.values()) | {Role}
    blocks = [
        HEAD,
        *(_enum(k) if issubclass(k, enum.Enum) else _interface(k, k in answers)
          for k in sorted(kinds, key=lambda kind: kind.__name__)),
        *(_procedure(name, one) for name, one in procedures.items()),
        *(_topic(name, one) for name, one in topics.items()),
        _errors(),
    ]  # fmt: skip
    return "\n".join(blocks)


def _named(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    for chapter in CHAPTERS:
        for name, value in vars(chapter).items():
            if isinstance(value, kind):
                yield name, value


def _reachable(roots: Iterable[Any]) -> set[type[Any]]:
    """The messages and enums named by ``roots`` and, in turn, by their fields."""
    found: set[type[Any]] = set()
    waiting = list(roots)
    while waiting:
        kind = waiting.pop()
        waiting += get_args(kind)
        if not isinstance(kind, type) or kind in found:
            continue
        if is_dataclass(kind):
            waiting += get_type_hints(kind).values()
            found.add(kind)
        elif issubclass(kind, enum.Enum):
            found.add(kind)
    return found


def _type(kind: Any) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is NoneType:
        return "null"
    if isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, enum.Enum)):
        return kind.__name__
    arguments = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(dict.fromkeys(_type(one) for one in arguments))
    if get_origin(kind) is tuple and arguments[-1] is ...:
        return f"readonly {_bracketed(_type(arguments[0]))}[]"
    if get_origin(kind) is dict:
        return f"Readonly<Record<{_type(arguments[0])}, {_type(arguments[1])}>>"
    raise TypeError(f"{kind!r} has no counterpart in a browser's JSON")


def _bracketed(kind: str) -> str:
    return f"({kind})" if " | " in kind else kind


def _comment(text: str | None) -> str:
    lines = cleandoc(text or "").replace("``", "`").splitlines()
    if len(lines) == 1:
        return f"/** {lines[0]} */"
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */"])


def _enum(kind: type[enum.Enum]) -> str:
    values = [
        f'"{member.value}"' if isinstance(member.value, str) else str(member.value)
        for member in kind
    ]
    members = "".join(
        f"  {member.name}: {value},\n"
        for member, value in zip(kind, values, strict=True)
    )
    name = kind.__name__
    return (
        f"{_comment(kind.__doc__)}\nexport type {name} = {' | '.join(values)};\n"
        f"export const {name} = {{\n{members}}} as const;\n"
    )


def _interface(kind: type[Any], is_answer: bool) -> str:
    """An answer has all its fields; a request may leave out those with a default."""
    hints = get_type_hints(kind)

    def line(field: Field[Any]) -> str:
        has_default = not (field.default is field.default_factory is MISSING)
        mark = "?" if has_default and not is_answer else ""
        return f"  readonly {field.name}{mark}: {_type(hints[field.name])};\n"

    name, comment = kind.__name__, _comment(kind.__doc__)
    body = "".join(line(field) for field in fields(kind))
    if not body:
        return f"{comment}\nexport type {name} = Readonly<Record<string, never>>;\n"
    return f"{comment}\nexport interface {name} {{\n{body}}}\n"


def _procedure(name: str, one: Procedure[Any, Any]) -> str:
    callers = ", ".join(f'"{role}"' for role in sorted(one.called_by & _EVERYONE))
    return (
        f"{_comment(one.summary)}\nexport const {name}: "
        f"Procedure<{one.request.__name__}, {one.reply.__name__}> = {{\n"
        f'  uri: "{one.uri}",\n  calledBy: [{callers}],\n}};\n'
    )


def _topic(name: str, one: Topic[Any]) -> str:
    return (
        f"{_comment(one.summary)}\nexport const {name}: Topic<{one.event.__name__}> = "
        f'{{ uri: "{one.uri}" }};\n'
    )


def _errors() -> str:
    lines = "".join(
        f"  {_comment((error.__doc__ or '').splitlines()[0])}\n"
        f'  {error.__name__}: "{error.uri}",\n'
        for error in sorted(ERRORS, key=lambda error: error.__name__)
    )
    comment = "/** The URIs of declared errors. */"
    return f"{comment}\nexport const ERRORS = {{\n{lines}}} as const;\n"


if __name__ == "__main__":
    sys.stdout.write(typescript())
