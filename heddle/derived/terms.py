"""Parts of an expression with their units, and the rules by which two go together.

A temperature is a point on a scale, so sums are followed: the difference of two is no
temperature, their mean is one, twice one is neither. Nothing is converted silently
between a number without unit and a value with one; only 0 goes with everything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from heddle.derived.expression import BadExpression
from heddle.derived.units import Unit, UnitFlaw, Units, told

Values = Sequence[float]
Evaluate = Callable[[Values], float]

CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Term:
    """A part of an expression: how it is computed, and in what unit it then is.

    ``points`` counts the temperatures in a sum: 1 for a temperature, 0 for a difference
    and for everything else. ``constant`` is the value, where it is known already.
    """

    evaluate: Evaluate
    unit: Unit
    column: int
    boolean: bool = False
    points: float = 0.0
    constant: float | None = None


class Fitting:
    """Brings terms together in one unit, or says why that cannot be."""

    def __init__(self, units: Units) -> None:
        self._units = units

    def without_unit(self, term: Term) -> bool:
        """Whether it is a number and nothing else."""
        return self._units.is_plain(term.unit)

    def plain(self, term: Term, what: str) -> Term:
        """A term as a number without unit, as ``what`` must be."""
        if self.without_unit(term):
            return term
        try:
            return self.converted(term, self._units.none)
        except BadExpression:
            raise BadExpression(
                f"{what} is a number without unit, this is in {told(term.unit)}",
                term.column,
            ) from None

    def on_no_scale(self, *terms: Term) -> None:
        """Refuse temperatures whose zero is not zero."""
        for term in terms:
            if term.points and self._units.is_offset(term.unit):
                raise BadExpression(
                    f"a temperature in {told(term.unit)} cannot be multiplied: "
                    'convert it, as in to(value, "K")',
                    term.column,
                )

    def alike(self, left: Term, right: Term, column: int) -> tuple[Term, Term]:
        """Two terms to be compared or chosen from, in one unit."""
        left, right = self.in_one_unit(left, right, column)
        if abs(left.points - right.points) > CLOSE:
            raise BadExpression(
                "one is a temperature and the other a difference of temperatures: "
                f"{told(left.unit)} and {told(right.unit)}",
                column,
            )
        return left, right

    def in_one_unit(self, left: Term, right: Term, column: int) -> tuple[Term, Term]:
        """The same two terms in the left one's unit; 0 takes the other's."""
        for zero, other in ((left, right), (right, left)):
            if zero.constant == 0 and not other.points:
                same = replace(zero, unit=other.unit)
                return (same, other) if zero is left else (other, same)
        if self.without_unit(left) != self.without_unit(right):
            raise self._unlike(left, right, column)
        try:
            if left.points and not right.points:
                return left, self.converted(right, self._units.difference(left.unit))
            if right.points and not left.points:
                return self.converted(left, self._units.difference(right.unit)), right
            return left, self.converted(right, left.unit)
        except BadExpression:
            raise self._unlike(left, right, column) from None

    def _unlike(self, left: Term, right: Term, column: int) -> BadExpression:
        sentence = f"{told(left.unit)} and {told(right.unit)} do not go together"
        for number, other in ((left, right), (right, left)):
            if number.constant is not None:
                sentence += (
                    ": a number with a unit is written "
                    f'quantity({number.constant:g}, "{other.unit.name}")'
                )
        return BadExpression(sentence, column)

    def told_in(self, term: Term, unit: Unit) -> Term:
        """A term in the unit somebody wants to read it in."""
        offset = self._units.is_offset(term.unit) or self._units.is_offset(unit)
        temperature = self._units.is_temperature(unit)
        if (offset and temperature and abs(term.points - 1) > CLOSE) or (
            term.points and not temperature
        ):
            what = {0.0: "a difference", 1.0: "a temperature"}.get(
                term.points, f"{term.points:g} temperatures"
            )
            way_out = "a tag that measures a difference has the unit delta_degC"
            if not term.points:
                way_out = "a difference of temperatures is declared delta_degC or K"
            raise BadExpression(
                f"{what} in {told(term.unit)} cannot become {told(unit)}: {way_out}",
                term.column,
            )
        return self.converted(term, unit)

    def converted(self, term: Term, unit: Unit) -> Term:
        """A term in another unit; a sum of n temperatures moves by n zeros."""
        if term.unit.pint == unit.pint:
            return replace(term, unit=unit)
        try:
            found = self._units.conversion(term.unit, unit)
        except UnitFlaw as flaw:
            raise BadExpression(str(flaw), term.column) from None
        one, scale, offset = term.evaluate, found.scale, found.offset * term.points
        return replace(
            term, evaluate=lambda v: one(v) * scale + offset, unit=unit, constant=None
        )


def folded(
    apply: Callable[[float, float], float], left: Term, right: Term
) -> float | None:
    """What comes of two known values; None if one is not known."""
    if left.constant is None or right.constant is None:
        return None
    try:
        return apply(left.constant, right.constant)
    except (ArithmeticError, ValueError):
        raise BadExpression("this has no value", left.column) from None
