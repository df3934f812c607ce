"""Derived tags: what can be written, in what units, and what comes of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.derived.check import Input, check
from heddle.derived.expression import BadExpression
from heddle.derived.table import BadDerivation, Definition, Value, derive
from heddle.derived.units import Units

UNITS = Units()
KNOWN = {
    "voltage": Input("V"),
    "current": Input("mA"),
    "inlet": Input("°C"),
    "outlet": Input("°F"),
    "kelvin": Input("K"),
    "level": Input("%"),
    "ph": Input("pH"),
    "flow": Input("l/min"),
    "pressure": Input("bar"),
    "ramp": Input("°C/min"),
    "spread": Input("delta_degC"),
    "line 1.mass": Input("kg"),
    "on": Input(boolean=True),
    "off": Input(boolean=True),
}
NOW = {
    "voltage": 230.0,
    "current": 500.0,
    "inlet": 20.0,
    "outlet": 68.0,
    "kelvin": 300.0,
    "level": 40.0,
    "ph": 7.0,
    "flow": 3.0,
    "pressure": 1.5,
    "ramp": 2.0,
    "spread": 3.0,
    "line 1.mass": 2.0,
    "on": True,
    "off": False,
}


def value_of(expression: str, unit: str = "") -> float | bool | None:
    checked = check(expression, unit, KNOWN, UNITS)
    return checked.compute([NOW[tag] for tag in checked.inputs])


def flaw_of(expression: str, unit: str = "") -> str:
    with pytest.raises(BadExpression) as flaw:
        check(expression, unit, KNOWN, UNITS)
    return f"{flaw.value.column}: {flaw.value}"


@pytest.mark.parametrize(
    ("expression", "unit", "value"),
    [
        ("voltage * current", "W", 115.0),
        ("voltage / current", "Ω", 460.0),
        ("voltage ** 2 / (voltage / current)", "W", 115.0),
        ("sqrt(voltage * voltage)", "V", 230.0),
        ("-voltage", "kV", -0.23),
        ("flow", "m**3/h", 0.18),
        ("flow", "m3/h", 0.18),
        ("flow", "m³/h", 0.18),
        ("flow if on else 0", "l/min", 3.0),
        ("flow if off else 0", "l/min", 0.0),
        ("max(flow, 0)", "l/min", 3.0),
        ('tag("line 1.mass") * 2', "g", 4000.0),
        ('voltage / quantity(460, "V")', "%", 50.0),
        ("ph + 1", "pH", 8.0),
        ("level / 2", "%", 20.0),
        ("exp(level)", "", math.exp(0.4)),
        ("log10(ph) + log(ph) * 0 + abs(-ph)", "", math.log10(7) + 7),
        ('round(to(pressure, "kPa") / 7, 1)', "kPa", 21.4),
        ("floor(ph / 2) + ceil(ph / 2)", "", 7.0),
        ("ph ** 0.5", "", math.sqrt(7)),
        ("2 ** ph", "", 128.0),
        # temperatures: points on a scale
        ("inlet", "K", 293.15),
        ("kelvin", "°C", 26.85),
        ("(inlet + outlet) / 2", "°C", 20.0),
        ("0.25 * inlet + 0.75 * outlet", "°F", 68.0),
        ("(inlet + inlet + outlet) / 3", "K", 293.15),
        ("kelvin - inlet", "K", 6.85),
        ("kelvin - inlet", "delta_degF", 12.33),
        ("inlet + spread", "°C", 23.0),
        ('inlet + ramp * quantity(2, "min")', "°C", 24.0),
        ('to(inlet, "K") * pressure', "K*bar", 439.725),
        ('clamp(inlet, quantity(0, "°C"), quantity(10, "°C"))', "°F", 50.0),
        ("min(inlet, outlet, kelvin)", "°C", 20.0),
    ],
)
def test_a_value_is_told_in_its_unit(expression: str, unit: str, value: float) -> None:
    assert value_of(expression, unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('inlet > quantity(15, "°C")', True),
        ('inlet > quantity(300, "K")', False),
        ('quantity(0, "V") < voltage <= quantity(0.23, "kV")', True),
        ('level >= quantity(41, "%")', False),
        ("on and not off or flow == 0", True),
        ("on != off", True),
        ("flow > 0", True),
        ("on if ph < 8 else off", True),
    ],
)
def test_a_comparison_is_true_or_false(expression: str, value: bool) -> None:
    assert value_of(expression) is value


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("voltage / (ph - 7)", "V"),
        ("log(ph - 7)", ""),
        ("sqrt(-ph)", ""),
        ("(ph - 8) ** 0.5", ""),
        ("exp(ph * 1000)", ""),
        ("ph * 1e308", ""),
        ("round(ph * 1e308)", ""),
    ],
)
def test_where_there_is_no_value_there_is_none(expression: str, unit: str) -> None:
    assert value_of(expression, unit) is None


@pytest.mark.parametrize(
    ("expression", "unit", "sentence"),
    [
        ("voltage + level", "V", "1: V and % do not go together"),
        ("ph * (voltage + current)", "", "7: V and mA do not go together"),
        ("voltage * current", "V", "1: the result: mA * V cannot become V"),
        ("voltage * current", "", "cannot become no unit"),
        ("level > 30", "", 'is written quantity(30, "%")'),
        ("inlet + 5", "°C", 'is written quantity(5, "°C")'),
        ("log(voltage)", "", "5: what log takes is a number without unit"),
        ("voltage ** ph", "", "12: a value in V can only be raised to a number"),
        ("inlet * voltage", "", "1: a temperature in °C cannot be multiplied"),
        ("2 * inlet", "°C", "2 temperatures in °C cannot become °C"),
        ("inlet - outlet", "°C", "a difference in"),
        ("inlet", "delta_degC", "a temperature in °C cannot become delta_degC"),
        ("inlet if on else inlet - outlet", "", "one is a temperature and the other"),
        ("flow > 0", "l/min", "true or false, it has no unit"),
        ("voltage", "Volz", "1: unit 'Volz' is unknown"),
        ("quantity(1, 'dBm') > 0", "", "is logarithmic"),
        ("on + 1", "", "1: a number is wanted, this is true or false"),
        ("voltage and on", "", "1: a condition is wanted, this is a number"),
        ("on if voltage else off", "", "7: a condition is wanted"),
        ("on < off", "", "cannot be compared so"),
        ("nothing + 1", "", "1: there is no tag 'nothing'"),
        ("5 + 5", "", "names no tag"),
        ("ph / 0", "", "it divides by 0"),
        ("round(ph, 1.5)", "", "whole number of digits"),
    ],
)
def test_what_does_not_go_together_is_told_with_its_place(
    expression: str, unit: str, sentence: str
) -> None:
    assert sentence in flaw_of(expression, unit)


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "1: it is empty"),
        ("  ph +", 'tag("its name")'),
        ("__import__('os')", "1: there is no function __import__"),
        ("ph.real", "1: only tags, numbers"),
        ("(lambda: ph)()", "only tags, numbers"),
        ("[x for x in ph]", "only tags, numbers"),
        ("ph if (y := ph) else 0", "only tags, numbers"),
        ("f'{ph}'", "only tags, numbers"),
        ("'text' + ph", "1: only tags, numbers"),
        ("ph // 2", "only tags, numbers"),
        ("ph % 2", "only tags, numbers"),
        ("ph is ph", "only tags, numbers"),
        ("min(ph)", "min takes 2 to 20 values, not 1"),
        ("min(ph, *ph)", "only tags, numbers"),
        ("round(ph, ndigits=1)", "only tags, numbers"),
        ("1e999 + ph", "not too large"),
        ("1" + "0" * 400 + " + ph", "not too large"),
        ("quantity(ph, 'V')", "a number is wanted here"),
        ("tag(ph)", 'tag is written tag("name")'),
        ("ph" + " + ph" * 150, "more than 200 parts"),
        ("-" * 100 + "ph", "nested deeper than 40"),
        ("(" * 300 + "ph" + ")" * 300, "too many nested"),
        ("ph + " * 300 + "ph", "characters: use at most 1000"),
        ("\0ph", ""),
        ("9 ** 9 ** 9 * ph", "this has no value"),
    ],
)
def test_what_is_no_arithmetic_is_refused(expression: str, sentence: str) -> None:
    assert sentence in flaw_of(expression)


@pytest.mark.parametrize(
    "unit", ["(", "9**9**9**9", "kg (", "°°", "m**", "\\", "a" * 99]
)
def test_a_unit_that_is_none_is_refused(unit: str) -> None:
    assert "unit" in flaw_of("voltage", unit)


@given(st.text(alphabet="vol onph019.+-*/()<>=,'[]{}:\\\n°", max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        checked = check(text, "", {"v": Input(), "ph": Input()}, UNITS)
    except BadExpression:
        return
    checked.compute([1.5] * len(checked.inputs))


# --- the table --------------------------------------------------------------------


def table(*definitions: tuple[str, str, str], **known: str):
    inputs = {tag: Input(unit) for tag, unit in known.items()}
    return derive([Definition(*each) for each in definitions], inputs, UNITS)


def test_tags_are_computed_in_the_order_of_their_dependence() -> None:
    derivation = table(
        ("c", "b + a", ""), ("b", "a * 2", ""), ("d", "x", ""), a="", x=""
    )
    now = {"a": Value(5, 1.5, 0), "x": Value(9, 2.0, 0)}
    assert derivation.compute(["a"], now.get) == {
        "b": Value(5, 3.0, 0),
        "c": Value(5, 4.5, 0),
    }


def test_a_value_is_as_new_as_the_newest_and_as_good_as_the_worst() -> None:
    derivation = table(("sum", "a + b", ""), a="", b="")
    now = {"a": Value(5, 1.0, 1), "b": Value(7, 2.0, 0)}
    assert derivation.compute(["a"], now.get) == {"sum": Value(7, 3.0, 1)}


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, "text"])
def test_an_input_without_value_makes_a_bad_one(missing: float | None) -> None:
    derivation = table(("sum", "a + b", ""), a="", b="")
    now = {"a": Value(5, 1.0, 0), "b": Value(4, missing, 0)}
    assert derivation.compute(["b"], now.get) == {"sum": Value(5, None, 2)}


def test_a_division_by_zero_is_bad_and_spreads() -> None:
    derivation = table(("ratio", "1 / a", ""), ("more", "ratio + 1", ""), a="")
    made = derivation.compute(["a"], {"a": Value(5, 0.0, 0)}.get)
    assert made == {"ratio": Value(5, None, 2), "more": Value(5, None, 2)}


def test_before_every_input_was_read_nothing_is_told() -> None:
    derivation = table(("sum", "a + b", ""), a="", b="")
    assert derivation.compute(["a"], {"a": Value(5, 1.0, 0)}.get) == {}


def test_a_derived_condition_can_be_used_in_another() -> None:
    derivation = table(
        ("pumped", "flow if running else 0", "l/min"),
        ("running", "flow > 0", ""),
        flow="l/min",
    )
    assert [(d.tag, d.boolean) for d in derivation.derived] == [
        ("running", True),
        ("pumped", False),
    ]


def test_a_cycle_is_named() -> None:
    with pytest.raises(
        BadDerivation, match=r"a needs b needs c needs a|b needs c needs"
    ):
        table(("a", "b + 1", ""), ("b", "c", ""), ("c", "a", ""))


def test_a_tag_of_itself_is_a_cycle() -> None:
    with pytest.raises(BadDerivation, match="a needs a"):
        table(("a", "a + 1", ""))


def test_a_flaw_names_the_tag_and_the_place() -> None:
    with pytest.raises(BadDerivation, match="tag 'power', column 1: the result: V"):
        table(("power", "voltage", "W"), voltage="V")


def test_too_many_are_refused() -> None:
    with pytest.raises(BadDerivation, match="have at most 1000"):
        table(*((f"t{n}", "a", "") for n in range(1001)), a="")
