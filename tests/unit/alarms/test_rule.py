"""Rules as engineers write them: read whole, or refused with every flaw named."""

from typing import Any

import pytest

from heddle.alarms.rule import (
    FIELDS,
    Kind,
    Rule,
    RulesInvalid,
    Severity,
    parse,
    parse_all,
    plain,
)

HOT: dict[str, Any] = {
    "id": "hot",
    "tag": "tank.temperature",
    "kind": "hi",
    "limit": 80,
    "deadband": 0.5,
    "on_delay_ms": 500,
    "off_delay_ms": 1000,
    "re_alarm_ms": 60_000,
    "severity": "critical",
    "latching": True,
    "group": "tank",
    "message": "Open the cooling valve.",
}
LEAST: dict[Kind, dict[str, Any]] = {
    Kind.HIHI: {"limit": 1},
    Kind.HI: {"limit": 1},
    Kind.LO: {"limit": -1.5},
    Kind.LOLO: {"limit": 0},
    Kind.BOOLEAN: {},
    Kind.DEVIATION: {"limit": 1, "setpoint": 0},
    Kind.RATE: {"limit": 1},
    Kind.STALE: {"after_ms": 1},
    Kind.QUALITY: {},
}


def flaws(*documents: object) -> set[tuple[str, str]]:
    with pytest.raises(RulesInvalid) as refused:
        parse_all(list(documents))
    return {(x.rule, x.field) for x in refused.value.flaws}


def test_a_rule_is_read_and_given_back() -> None:
    found = parse(HOT)
    assert found == Rule(
        id="hot",
        tag="tank.temperature",
        kind=Kind.HI,
        limit=80.0,
        deadband=0.5,
        on_delay_ms=500,
        off_delay_ms=1000,
        re_alarm_ms=60_000,
        severity=Severity.CRITICAL,
        latching=True,
        group="tank",
        message="Open the cooling valve.",
    )
    assert plain(found) == HOT


@pytest.mark.parametrize("kind", list(Kind))
def test_the_least_each_kind_needs(kind: Kind) -> None:
    document = {"id": "a", "tag": "t", "kind": str(kind), **LEAST[kind]}
    assert parse(plain(parse(document))) == parse(document)
    for name in LEAST[kind]:
        short = {x: document[x] for x in document if x != name}
        assert flaws(short) == {("a", name)}


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_not_for_a_kind_is_refused(kind: Kind) -> None:
    document = {"id": "a", "tag": "t", "kind": str(kind), **LEAST[kind]}
    for name in set(Rule.__struct_fields__) - FIELDS[kind]:
        assert flaws({**document, name: 1}) == {("a", name)}


def test_every_flaw_of_every_rule_is_named_at_once() -> None:
    assert flaws(
        {"id": "Hot!", "tag": "", "kind": "warm", "limits": 3},
        {"id": "b", "tag": "t", "kind": "hi", "limit": "80", "deadband": -1},
        HOT,
        {**HOT, "on_delay_ms": 0.5, "severity": "urgent", "latching": 1},
        "rule",
        {},
        HOT,
    ) == {
        ("Hot!", "id"),
        ("Hot!", "tag"),
        ("Hot!", "kind"),
        ("Hot!", "limits"),
        ("b", "limit"),
        ("b", "deadband"),
        ("hot", "on_delay_ms"),
        ("hot", "severity"),
        ("hot", "latching"),
        ("rules[4]", ""),
        ("rules[5]", "id"),
        ("rules[5]", "tag"),
        ("rules[5]", "kind"),
        ("hot", "id"),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", True),
        ("limit", None),
        ("limit", float("nan")),
        ("limit", float("inf")),
        ("limit", 10**400),
        ("deadband", -0.1),
        ("on_delay_ms", -1),
        ("on_delay_ms", True),
        ("off_delay_ms", 10**12),
        ("re_alarm_ms", 59_999),
        ("re_alarm_ms", -1),
        ("severity", 3),
        ("kind", None),
        ("kind", ["hi"]),
        ("id", "a" * 65),
        ("id", 7),
        ("tag", "a\nb"),
        ("tag", "x" * 201),
        ("group", None),
        ("message", "x" * 501),
    ],
)
def test_a_field_out_of_its_range_is_refused(field: str, value: object) -> None:
    assert field in {name for _, name in flaws({**HOT, field: value})}


@pytest.mark.parametrize("kind", ["deviation", "rate"])
def test_a_distance_is_above_its_deadband_and_that_not_negative(kind: str) -> None:
    document = {"id": "a", "tag": "t", "kind": kind, "limit": 2, "deadband": 1}
    if kind == "deviation":
        document["setpoint"] = 5
    parse(document)
    assert flaws({**document, "limit": 0}) == {("a", "limit")}
    assert flaws({**document, "deadband": 2}) == {("a", "deadband")}


def test_a_sentence_tells_what_to_do() -> None:
    with pytest.raises(RulesInvalid) as refused:
        parse({"id": "a", "tag": "t", "kind": "stale", "on_delay_ms": 1})
    assert str(refused.value) == (
        "a: on_delay_ms is not for kind stale: remove it; a: after_ms is missing"
    )
    with pytest.raises(RulesInvalid, match="must be a list"):
        parse_all({"id": "a"})
