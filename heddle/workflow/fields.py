"""One JSON object of a workflow, read field by field.

Each reader returns a usable value and notes what is wrong, so that one broken field
never hides the next. ``close`` refuses fields nobody asked for, as upstream does.
"""

import enum
from collections.abc import Mapping
from typing import TypeGuard, TypeVar

from heddle.workflow.conditions import Value
from heddle.workflow.findings import Findings, Mode, Rule, shown

E = TypeVar("E", bound=enum.StrEnum)

MAX_SAFE_INTEGER = 2**53 - 1  # beyond it JSON numbers are not exact, and refused


class Fields:
    """The fields of one object; ``where`` tells a reader of messages which one."""

    def __init__(
        self,
        source: Mapping[str, object],
        found: Findings,
        element: str | None,
        where: str,
    ) -> None:
        self._source = source
        self._read: set[object] = set()
        self.found = found
        self.element = element
        self.where = where

    def has(self, name: str) -> bool:
        """Whether the field is there, be it null."""
        return name in self._source

    def raw(self, name: str) -> object:
        """The field as it is, ``None`` when absent."""
        self._read.add(name)
        return self._source.get(name)

    def text(self, name: str, default: str | None = None) -> str | None:
        """A string that is not empty; required unless there is a ``default``."""
        value = self.raw(name)
        if name not in self._source and default is not None:
            return default
        if is_text(value):
            return value
        self.refuse(f"{name} must be a string that is not empty", value)
        return None

    def optional_text(self, name: str) -> str | None:
        """A string that is not empty, or null, or absent."""
        return None if self.raw(name) is None else self.text(name)

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self.raw(name)
        if isinstance(value, bool):
            return value
        if name in self._source:
            self.refuse(f"{name} must be true or false", value)
        return default

    def milliseconds(self, name: str) -> int:
        """A whole number >= 0; 0 when absent."""
        value = self.raw(name)
        if name not in self._source:
            return 0
        if is_number(value) and value >= 0 and value == int(value):
            return int(value)
        self.refuse(f"{name} must be a whole number of milliseconds >= 0", value)
        return 0

    def choice(self, name: str, kinds: type[E]) -> E | None:
        """One of an enumeration's words; required."""
        value = self.raw(name)
        if isinstance(value, str) and value in kinds.__members__.values():
            return kinds(value)
        self.refuse(f"{name} must be one of {', '.join(kinds)}", value)
        return None

    def items(self, name: str) -> list[object]:
        """A list; empty when absent."""
        value = self.raw(name)
        if isinstance(value, list):
            return value
        if name in self._source:
            self.refuse(f"{name} must be a list", value)
        return []

    def inner(self, value: object, where: str) -> "Fields | None":
        """The fields of an object inside this one, if ``value`` is an object."""
        if isinstance(value, Mapping):
            return Fields(value, self.found, self.element, where)
        self.refuse(f"{where} must be an object", value)
        return None

    def refuse(self, problem: str, value: object) -> None:
        """Note that a field has not the declared form."""
        got = "" if value is None else f", not {shown(value)}"
        self.note(Rule.SCHEMA, f"{problem}{got}")

    def note(self, rule: Rule, problem: str, mode: Mode | None = None) -> None:
        """Note any flaw of this object."""
        self.found.add(rule, self.element, f"{self.where}: {problem}", mode)

    def ignore(self, *names: str) -> None:
        """Pass over fields of which something was noted already."""
        self._read.update(names)

    def unread(self) -> list[object]:
        """The fields nobody asked for yet."""
        return [name for name in self._source if name not in self._read]

    def close(self) -> None:
        """Refuse the fields nobody asked for."""
        for name in self.unread():
            self.note(Rule.SCHEMA, f"unknown field {shown(name)}")


def is_text(value: object) -> TypeGuard[str]:
    """A string upstream accepts, and that can be written down as UTF-8."""
    return isinstance(value, str) and value != "" and not _has_surrogate(value)


def is_number(value: object) -> TypeGuard[float]:
    """A number upstream accepts: finite and exact."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    )


def is_value(value: object) -> TypeGuard[Value]:
    """A constant of a condition or a setpoint."""
    return isinstance(value, bool) or is_number(value) or is_text(value)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
