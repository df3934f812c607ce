"""Checks an expression's units and kinds, and makes of it a function of its inputs.

The walk: what each operator and function wants of its operands, and in what unit its
result is. How units go together is told in ``terms``.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from heddle.derived.expression import (
    BadExpression,
    Converted,
    Node,
    Number,
    Operation,
    Quantity,
    TagValue,
    parse,
)
from heddle.derived.terms import CLOSE, Evaluate, Fitting, Term, Values, folded
from heddle.derived.units import Unit, UnitFlaw, Units, told

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_PLAIN: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
}
_KEEPING: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": lambda x: float(math.ceil(x)),
    "floor": lambda x: float(math.floor(x)),
    "positive": lambda x: x,
}
_LARGEST_EXPONENT = 12.0


@dataclass(frozen=True, slots=True)
class Input:
    """What an expression may know of a tag; ``boolean`` ones have no unit."""

    unit: str = ""
    boolean: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression that can be computed from the values of ``inputs``, in order."""

    inputs: tuple[str, ...]
    boolean: bool
    evaluate: Evaluate

    def compute(self, values: Values) -> float | bool | None:
        """The value; None where there is none: 1/0, log(-1), infinity, no number."""
        try:
            value = self.evaluate(values)
        except (ArithmeticError, ValueError):
            return None
        if self.boolean:
            return bool(value)
        return value if math.isfinite(value) else None


def check(text: str, unit: str, known: Mapping[str, Input], units: Units) -> Checked:
    """An expression whose result is told in ``unit``. Raises ``BadExpression``."""
    checker = _Checker(known, units, Fitting(units))
    tree = parse(text)
    term = checker.term(tree)
    if term.boolean:
        if unit:
            raise BadExpression(
                f"the result is true or false, it has no unit {unit!r}", term.column
            )
        evaluate = term.evaluate
    else:
        evaluate = checker.declared(term, unit)
    if not checker.inputs:
        raise BadExpression("it names no tag, so nothing would compute it", 1)
    return Checked(tuple(checker.inputs), term.boolean, evaluate)


@dataclass
class _Checker:
    """Walks one expression, gathering its inputs."""

    known: Mapping[str, Input]
    units: Units
    fit: Fitting
    inputs: list[str] = field(default_factory=list)

    def term(self, node: Node) -> Term:
        match node:
            case Number(value, column):
                return self._number(value, column)
            case TagValue(tag, column):
                return self._input(tag, column)
            case Quantity(value, unit, column):
                return self._quantity(value, unit, column)
            case Converted(operand, unit, column):
                return self._converted(self._numeric(operand), unit, column)
            case Operation():
                return self._operation(node)

    def declared(self, term: Term, name: str) -> Evaluate:
        """The result in the unit it is declared to have."""
        unit = self._named(name, term.column)
        try:
            return self.fit.told_in(term, unit).evaluate
        except BadExpression as flaw:
            raise BadExpression(f"the result: {flaw}", flaw.column) from None

    # --- leaves ----------------------------------------------------------------------

    def _number(self, value: float | bool, column: int) -> Term:
        return Term(
            lambda _: value,
            self.units.none,
            column,
            boolean=isinstance(value, bool),
            constant=None if isinstance(value, bool) else value,
        )

    def _input(self, tag: str, column: int) -> Term:
        known = self.known.get(tag)
        if known is None:
            have = ", ".join(sorted(self.known)[:20])
            raise BadExpression(
                f"there is no tag {tag!r} of numbers; have {have}", column
            )
        if tag not in self.inputs:
            self.inputs.append(tag)
        unit = self.units.none if known.boolean else self._named(known.unit, column)
        return Term(
            operator.itemgetter(self.inputs.index(tag)),
            unit,
            column,
            boolean=known.boolean,
            points=float(self.units.is_temperature(unit)),
        )

    def _quantity(self, value: float, name: str, column: int) -> Term:
        unit = self._named(name, column)
        points = float(self.units.is_temperature(unit))
        return Term(lambda _: value, unit, column, points=points)

    def _converted(self, term: Term, name: str, column: int) -> Term:
        unit = self._named(name, column)
        if self.fit.without_unit(term):
            raise BadExpression(f"there is no unit to convert to {name!r}", column)
        return replace(self.fit.told_in(term, unit), column=column)

    def _named(self, name: str, column: int) -> Unit:
        try:
            return self.units.named(name)
        except UnitFlaw as flaw:
            raise BadExpression(str(flaw), column) from None

    # --- operations ------------------------------------------------------------------

    def _operation(self, node: Operation) -> Term:
        rules = {
            self._logic: ("not", "and", "or"),
            self._choice: ("if",),
            self._sum: ("+", "-"),
            self._product: ("*",),
            self._quotient: ("/",),
            self._power: ("**", "sqrt"),
            self._comparison: _COMPARISONS,
            self._extreme: ("min", "max", "clamp"),
        }
        for rule, names in rules.items():
            if node.name in names:
                return rule(node)
        return self._of_one(node)

    def _logic(self, node: Operation) -> Term:
        parts = [self._condition(each) for each in node.operands]
        match node.name:
            case "not":
                (part,) = parts
                return self._truth(lambda v: not part(v), node)
            case "and":
                return self._truth(lambda v: all(part(v) for part in parts), node)
            case _:
                return self._truth(lambda v: any(part(v) for part in parts), node)

    def _choice(self, node: Operation) -> Term:
        test, then, other = node.operands
        condition, left, right = (
            self._condition(test),
            self.term(then),
            self.term(other),
        )
        if left.boolean != right.boolean:
            raise BadExpression("one branch is a number, the other is not", node.column)
        if not left.boolean:
            left, right = self.fit.alike(left, right, node.column)
        yes, no = left.evaluate, right.evaluate
        return replace(
            left,
            evaluate=lambda v: yes(v) if condition(v) else no(v),
            column=node.column,
            constant=None,
        )

    def _comparison(self, node: Operation) -> Term:
        left, right = map(self.term, node.operands)
        if left.boolean and right.boolean and node.name in {"==", "!="}:
            pass
        elif left.boolean or right.boolean:
            raise BadExpression("true or false cannot be compared so", node.column)
        else:
            left, right = self.fit.alike(left, right, node.column)
        compare, one, two = _COMPARISONS[node.name], left.evaluate, right.evaluate
        return self._truth(lambda v: compare(one(v), two(v)), node)

    def _sum(self, node: Operation) -> Term:
        left, right = map(self._numeric, node.operands)
        sign = 1 if node.name == "+" else -1
        left, right = self.fit.in_one_unit(left, right, node.column)
        points = left.points + sign * right.points
        unit = left.unit if abs(points) > CLOSE else self.units.difference(left.unit)
        points = points if abs(points) > CLOSE else 0.0
        apply, one, two = _ARITHMETIC[node.name], left.evaluate, right.evaluate
        constant = folded(apply, left, right)
        return Term(
            lambda v: apply(one(v), two(v)),
            unit,
            node.column,
            points=points,
            constant=constant,
        )

    def _product(self, node: Operation) -> Term:
        left, right = map(self._numeric, node.operands)
        one, two = left.evaluate, right.evaluate
        constant = folded(operator.mul, left, right)
        for factor, term in ((left, right), (right, left)):
            if factor.constant is not None:  # so a mean of temperatures can be taken
                points = term.points * factor.constant
                return Term(
                    lambda v: one(v) * two(v),
                    term.unit if points else self.units.difference(term.unit),
                    node.column,
                    points=points,
                    constant=constant,
                )
        self.fit.on_no_scale(left, right)
        unit, factor_of = self.units.product(left.unit, right.unit)
        return Term(lambda v: one(v) * two(v) * factor_of, unit, node.column)

    def _quotient(self, node: Operation) -> Term:
        left, right = map(self._numeric, node.operands)
        one, two = left.evaluate, right.evaluate
        if right.constant == 0:
            raise BadExpression("it divides by 0", node.column)
        if right.constant is not None:
            return Term(
                lambda v: one(v) / two(v),
                left.unit,
                node.column,
                points=left.points / right.constant,
                constant=folded(operator.truediv, left, right),
            )
        self.fit.on_no_scale(left, right)
        unit, factor = self.units.quotient(left.unit, right.unit)
        return Term(lambda v: one(v) / two(v) * factor, unit, node.column)

    def _power(self, node: Operation) -> Term:
        base = self._numeric(node.operands[0])
        if node.name == "sqrt":
            exponent = self._number(0.5, node.column)
        else:
            exponent = self._numeric(node.operands[1])
        self.fit.on_no_scale(base)
        exponent = self.fit.plain(exponent, "an exponent")
        unit = self.units.none
        if not self.units.is_plain(base.unit):
            if exponent.constant is None or abs(exponent.constant) > _LARGEST_EXPONENT:
                raise BadExpression(
                    f"a value in {told(base.unit)} can only be raised to a number "
                    f"that stands here, up to {_LARGEST_EXPONENT:g}",
                    exponent.column,
                )
            unit = self.units.power(base.unit, exponent.constant)
        one, two = base.evaluate, exponent.evaluate
        constant = folded(math.pow, base, exponent)
        return Term(
            lambda v: math.pow(one(v), two(v)), unit, node.column, constant=constant
        )

    def _extreme(self, node: Operation) -> Term:
        terms = [self._numeric(each) for each in node.operands]
        first = next((t for t in terms if not self.fit.without_unit(t)), terms[0])
        parts = [self.fit.alike(first, each, each.column)[1].evaluate for each in terms]
        if node.name == "clamp":
            value, low, high = parts
            return replace(
                first,
                evaluate=lambda v: min(max(value(v), low(v)), high(v)),
                column=node.column,
                constant=None,
            )
        best = min if node.name == "min" else max
        return replace(
            first,
            evaluate=lambda v: best(part(v) for part in parts),
            column=node.column,
            constant=None,
        )

    def _of_one(self, node: Operation) -> Term:
        """abs, ceil, floor, round, exp, log, log10 and signs."""
        term = self._numeric(node.operands[0])
        one = term.evaluate
        if node.name == "negative":
            constant = None if term.constant is None else -term.constant
            return Term(
                lambda v: -one(v), term.unit, node.column,
                points=-term.points, constant=constant,
            )  # fmt: skip
        if node.name == "round":
            digits = self._digits(node)
            return replace(term, evaluate=lambda v: float(round(one(v), digits)))
        if node.name == "abs":
            self.fit.on_no_scale(term)
        if (apply := _PLAIN.get(node.name)) is not None:
            one = self.fit.plain(term, f"what {node.name} takes").evaluate
            return Term(lambda v: apply(one(v)), self.units.none, node.column)
        keep = _KEEPING[node.name]
        return replace(term, evaluate=lambda v: keep(one(v)), column=node.column)

    # --- rules -----------------------------------------------------------------------

    def _numeric(self, node: Node) -> Term:
        term = self.term(node)
        if term.boolean:
            raise BadExpression(
                "a number is wanted, this is true or false", term.column
            )
        return term

    def _condition(self, node: Node) -> Evaluate:
        term = self.term(node)
        if not term.boolean:
            raise BadExpression(
                "a condition is wanted, this is a number: compare it", term.column
            )
        return term.evaluate

    def _truth(self, evaluate: Evaluate, node: Operation) -> Term:
        return Term(evaluate, self.units.none, node.column, boolean=True)

    def _digits(self, node: Operation) -> int:
        if len(node.operands) == 1:
            return 0
        match node.operands[1]:
            case Number(bool()):
                pass
            case Number(digits) if (
                digits == int(digits) and digits <= _LARGEST_EXPONENT
            ):
                return int(digits)
        raise BadExpression("round takes a whole number of digits", node.column)
