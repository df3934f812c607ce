"""Which devices are meant, by their labels: ``site=graz and not spare``.

``all`· ``line`` (has the label) · ``line=a`` · ``line!=a`` · ``line in (a, b)`` ·
``not in``, joined by ``and``, ``or``, ``not`` and parentheses; ``not`` binds most,
``or`` least. ``line!=a`` also holds where there is no such label, as ``not line=a``
does. Values with other characters than letters, digits and ``_ . : / -`` are quoted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

LONGEST = 4_000
DEEPEST = 50
WORDS = frozenset({"and", "or", "not", "in", "all"})
_TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z0-9_][A-Za-z0-9_.:/-]*)"
    r"|(?P<sign>!=|==|=|\(|\)|,)"
    r"|\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')"
)


class SelectorInvalid(ValueError):
    """It cannot be read; ``at`` is the place, from 0."""

    def __init__(self, problem: str, text: str, at: int) -> None:
        where = f"at {text[at : at + 20]!r}" if text[at:].strip() else "at the end"
        super().__init__(f"selector: {problem} {where} (character {at + 1})")
        self.at = at


class Selector(Protocol):
    """What devices are chosen by."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a device with these labels is meant."""


@dataclass(frozen=True, slots=True)
class All:
    """Every device."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, slots=True)
class Has:
    """The label is there, and has one of the values if there are any."""

    label: str
    values: frozenset[str] | None = None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Compared as text."""
        if self.values is None:
            return self.label in labels
        return labels.get(self.label) in self.values


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Selector

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Also where the label is missing."""
        return not self.of.matches(labels)


@dataclass(frozen=True, slots=True)
class Every:
    """All of them hold."""

    of: tuple[Selector, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Left to right."""
        return all(x.matches(labels) for x in self.of)


@dataclass(frozen=True, slots=True)
class Either:
    """One of them holds."""

    of: tuple[Selector, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Left to right."""
        return any(x.matches(labels) for x in self.of)


def read(text: str) -> Selector:
    """Raises ``SelectorInvalid``, which names the place."""
    if len(text) > LONGEST:
        raise SelectorInvalid(f"is longer than {LONGEST} characters", text, LONGEST)
    reader = _Reader(text)
    found = reader.either(0)
    if reader.kind:
        reader.refuse("expected 'and', 'or' or the end")
    return found


class _Reader:
    """Recursive descent; ``token`` is to be read next, and of no kind at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.end = 0
        self.kind, self.token = "", ""
        self.advance()

    def refuse(self, problem: str) -> NoReturn:
        raise SelectorInvalid(problem, self.text, self.at)

    def advance(self) -> None:
        rest = self.text[self.end :]
        self.at = self.end + len(rest) - len(rest.lstrip())
        found = _TOKEN.match(self.text, self.end)
        if found is None:
            self.kind = self.token = ""
            if self.at < len(self.text):
                self.refuse("cannot be read")
            return
        self.end = found.end()
        kind = found.lastgroup or ""
        self.token = found[kind]
        keyword = kind == "word" and self.token.lower() in WORDS
        self.kind = "keyword" if keyword else kind
        if keyword:
            self.token = self.token.lower()

    def take(self, *tokens: str) -> bool:
        """Whether the next token is one of these; it is read then."""
        if self.kind not in {"keyword", "sign"} or self.token not in tokens:
            return False
        self.advance()
        return True

    def either(self, depth: int) -> Selector:
        parts = [self.every(depth)]
        while self.take("or"):
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def every(self, depth: int) -> Selector:
        parts = [self.single(depth)]
        while self.take("and"):
            parts.append(self.single(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def single(self, depth: int) -> Selector:
        if depth > DEEPEST:
            self.refuse(f"is nested deeper than {DEEPEST}")
        if self.take("not"):
            return Not(self.single(depth + 1))
        if self.take("all"):
            return All()
        if self.take("("):
            found = self.either(depth + 1)
            if not self.take(")"):
                self.refuse("expected ')'")
            return found
        if self.kind != "word":
            self.refuse("expected a label")
        label = self.token
        self.advance()
        return self.compared(label)

    def compared(self, label: str) -> Selector:
        if self.take("=", "=="):
            return Has(label, frozenset({self.value()}))
        if self.take("!="):
            return Not(Has(label, frozenset({self.value()})))
        if self.take("in"):
            return Has(label, self.values())
        if self.take("not"):
            if not self.take("in"):
                self.refuse("expected 'in'")
            return Not(Has(label, self.values()))
        return Has(label)

    def values(self) -> frozenset[str]:
        if not self.take("("):
            self.refuse("expected '('")
        found = {self.value()}
        while self.take(","):
            found.add(self.value())
        if not self.take(")"):
            self.refuse("expected ',' or ')'")
        return frozenset(found)

    def value(self) -> str:
        if self.kind in {"", "sign"}:
            self.refuse("expected a value")
        token = self.token
        self.advance()
        return token
