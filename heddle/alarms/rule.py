"""A rule: one alarm on one tag, as an engineer writes it.

``parse`` reads plain data (decoded JSON) and names every flaw at once, each with the
rule and the field it is about. ``plain`` gives the data back.

A limit is reached by a value equal to it. Once reached it stays so until the value is
back by more than the deadband.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from sys import float_info
from typing import Any

import msgspec
from typing_extensions import override

US_PER_MS = 1000
LONGEST_MS = 366 * 86_400_000
SHORTEST_RE_ALARM_MS = 60_000  # more often would be chattering of our own making
FARTHEST = float_info.max  # no finite value is beyond it


class Kind(enum.StrEnum):
    """What an alarm watches for."""

    HIHI = "hihi"
    HI = "hi"
    LO = "lo"
    LOLO = "lolo"
    BOOLEAN = "boolean"
    DEVIATION = "deviation"  # far from a setpoint, either way
    RATE = "rate"  # changes too fast, per second, either way
    STALE = "stale"  # no usable value for too long
    QUALITY = "quality"


class Severity(enum.StrEnum):
    """ISA-18.2's priorities. In OPC UA's 1 to 1000, see ``OPC_UA``."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


RANK = {severity: rank for rank, severity in enumerate(Severity)}  # critical is highest
OPC_UA = {
    Severity.LOW: 200,
    Severity.MEDIUM: 500,
    Severity.HIGH: 700,
    Severity.CRITICAL: 900,
}
UPPER = frozenset({Kind.HIHI, Kind.HI})
LOWER = frozenset({Kind.LO, Kind.LOLO})


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alarm on one tag. Which fields a kind has: see ``FIELDS``."""

    id: str
    tag: str
    kind: Kind
    limit: float = 0.0  # in the tag's unit; RATE: unit per second
    setpoint: float = 0.0
    when: bool = True  # BOOLEAN: the value that alarms
    after_ms: int = 0  # STALE: how long without a usable value
    uncertain: bool = False  # QUALITY: alarm on uncertain already, not only on bad
    deadband: float = 0.0
    on_delay_ms: int = 0
    off_delay_ms: int = 0
    re_alarm_ms: int = 0  # 0: never
    severity: Severity = Severity.MEDIUM
    latching: bool = False
    group: str = ""  # alarms of which the first one up is marked
    message: str = ""


ANY = frozenset(
    {"id", "tag", "kind", "re_alarm_ms", "severity", "latching", "group", "message"}
)
DELAYS = frozenset({"on_delay_ms", "off_delay_ms"})
LIMIT = ANY | DELAYS | {"limit", "deadband"}
FIELDS: Mapping[Kind, frozenset[str]] = {
    Kind.HIHI: LIMIT,
    Kind.HI: LIMIT,
    Kind.LO: LIMIT,
    Kind.LOLO: LIMIT,
    Kind.RATE: LIMIT,
    Kind.DEVIATION: LIMIT | {"setpoint"},
    Kind.BOOLEAN: ANY | DELAYS | {"when"},
    Kind.STALE: ANY | {"after_ms"},
    Kind.QUALITY: ANY | DELAYS | {"uncertain"},
}
KINDS = frozenset(Kind)
NAMES = Rule.__struct_fields__
DISTANCES = frozenset({Kind.DEVIATION, Kind.RATE})
REQUIRED = ("id", "tag", "kind", "limit", "setpoint", "after_ms")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one field of one rule."""

    rule: str  # its id, or "rules[3]" when it has none
    field: str
    message: str

    @override
    def __str__(self) -> str:
        """For a person."""
        return f"{self.rule}: {self.field} {self.message}"


class RulesInvalid(Exception):
    """Rules cannot be read; ``flaws`` is everything that is wrong with them."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__("; ".join(map(str, flaws)))
        self.flaws = tuple(flaws)


def parse(document: object) -> Rule:
    """One rule. Raises ``RulesInvalid``."""
    return parse_all([document])[0]


def parse_all(documents: object) -> tuple[Rule, ...]:
    """A list of rules with ids of their own. Raises ``RulesInvalid``."""
    if not isinstance(documents, list | tuple):
        raise RulesInvalid([Flaw("rules", "", "must be a list of objects")])
    flaws: list[Flaw] = []
    rules: dict[str, Rule] = {}
    for position, document in enumerate(documents):
        reader = _Reader(document, position)
        rule = reader.rule()
        flaws += reader.flaws
        if rule is None:
            continue
        if rule.id in rules:
            flaws.append(Flaw(rule.id, "id", "is taken: another rule has it"))
        rules[rule.id] = rule
    if flaws:
        raise RulesInvalid(flaws)
    return tuple(rules.values())


def plain(rule: Rule) -> dict[str, Any]:
    """The rule as plain data that ``parse`` takes; what is as usual is left out."""
    has = FIELDS[rule.kind]
    found: dict[str, Any] = msgspec.to_builtins(rule)
    needed = {x: getattr(rule, x) for x in REQUIRED if x in has}
    return needed | found


class _Reader:
    """Reads one rule; notes each flaw and goes on."""

    def __init__(self, document: object, position: int) -> None:
        self.flaws: list[Flaw] = []
        self._name = f"rules[{position}]"
        self._fields: Mapping[str, object] = {}
        if isinstance(document, Mapping):
            self._fields = document
        else:
            self._flaw("", "must be an object")

    def rule(self) -> Rule | None:
        """The rule, if it has no flaw."""
        if self.flaws:
            return None
        if isinstance(given := self._fields.get("id"), str) and given.isprintable():
            self._name = given[:64] or self._name
        kind = self.kind("kind") if "kind" in self._fields else None
        has = FIELDS[kind] if kind else frozenset(NAMES)
        self._check_names(kind, has)
        given_too = [x for x in NAMES if x in has and x in self._fields]
        values: dict[str, Any] = {x: _READERS[x](self, x) for x in given_too}
        return None if self.flaws else Rule(**values)

    def _check_names(self, kind: Kind | None, has: frozenset[str]) -> None:
        for field in self._fields:
            if field not in has:
                known = f"is not for kind {kind}" if field in NAMES else "is no field"
                self._flaw(str(field), f"{known}: remove it")
        for name in REQUIRED:
            if name in (has if kind else ANY) and name not in self._fields:
                self._flaw(name, "is missing")

    def _flaw(self, field: str, message: str) -> None:
        flaw = Flaw(self._name, field, message)
        if flaw not in self.flaws:
            self.flaws.append(flaw)

    def kind(self, name: str) -> Kind | None:
        if isinstance(value := self._fields[name], str) and value in KINDS:
            return Kind(value)
        self._flaw(name, f"must be one of {', '.join(Kind)}")
        return None

    def severity(self, name: str) -> Severity | None:
        if isinstance(value := self._fields[name], str) and value in RANK:
            return Severity(value)
        self._flaw(name, f"must be one of {', '.join(Severity)}")
        return None

    def _is_distance(self) -> bool:
        kind = self._fields.get("kind")
        return isinstance(kind, str) and kind in DISTANCES

    def id(self, name: str) -> object:
        value = self._fields[name]
        if not (isinstance(value, str) and re.fullmatch(r"[a-z0-9_]{1,64}", value)):
            self._flaw(name, "must be 1 to 64 of a-z, 0-9 and _")
        return value

    def tag(self, name: str) -> object:
        value = self._fields[name]
        if not (isinstance(value, str) and _printable(value, 1, 200)):
            self._flaw(name, "must be 1 to 200 printable characters")
        return value

    def text(self, name: str) -> object:
        value = self._fields[name]
        if not (isinstance(value, str) and _printable(value, 0, 500)):
            self._flaw(name, "must be at most 500 printable characters")
        return value

    def flag(self, name: str) -> object:
        value = self._fields[name]
        if not isinstance(value, bool):
            self._flaw(name, "must be true or false")
        return value

    def number(self, name: str) -> float:
        value = self._fields[name]
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                if isfinite(found := float(value)):
                    return found
            except OverflowError:
                pass
        self._flaw(name, "must be a finite number")
        return 0.0

    def limit(self, name: str) -> float:
        value = self.number(name)
        if value <= 0 and self._is_distance():
            self._flaw(name, "must be above 0: it is a distance")
        return value

    def deadband(self, name: str) -> float:
        value = self.number(name)
        if value < 0:
            self._flaw(name, "must not be negative")
        distance = self._fields.get("limit")
        if (
            self._is_distance()
            and isinstance(distance, int | float)
            and value >= distance > 0
        ):
            self._flaw(name, "must be below the limit, or the alarm never clears")
        return value

    def delay(self, name: str) -> object:
        return self._whole(name, 0)

    def after(self, name: str) -> object:
        return self._whole(name, 1)

    def re_alarm(self, name: str) -> object:
        value = self._fields[name]
        return value if value == 0 else self._whole(name, SHORTEST_RE_ALARM_MS)

    def _whole(self, name: str, least: int) -> object:
        value = self._fields[name]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole and least <= value <= LONGEST_MS):  # type: ignore[operator]
            self._flaw(name, f"must be a whole number of {least} to {LONGEST_MS}")
        return value


_READERS = {
    "id": _Reader.id,
    "tag": _Reader.tag,
    "kind": _Reader.kind,
    "limit": _Reader.limit,
    "setpoint": _Reader.number,
    "when": _Reader.flag,
    "after_ms": _Reader.after,
    "uncertain": _Reader.flag,
    "deadband": _Reader.deadband,
    "on_delay_ms": _Reader.delay,
    "off_delay_ms": _Reader.delay,
    "re_alarm_ms": _Reader.re_alarm,
    "severity": _Reader.severity,
    "latching": _Reader.flag,
    "group": _Reader.text,
    "message": _Reader.text,
}


def _printable(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and text.isprintable()
