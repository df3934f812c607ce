"""Units, by Pint: what they are called, what comes of them, and how they convert.

Conversions are affine, ``scale * x + offset``, and are found once, when an expression
is checked; nothing of Pint is used when values are computed.
"""

import re
from dataclasses import dataclass
from tokenize import TokenError
from typing import Any

from pint import UnitRegistry
from pint.errors import PintError

MAX_CHARACTERS = 64

# Heddle's words that mean something else to Pint, or nothing.
_OURS = {"pH": ""}
# What Pint answers a text with that is no unit.
_REFUSALS = (
    *(PintError, ValueError, TypeError, ArithmeticError, SyntaxError, TokenError),
    *(AssertionError, KeyError, AttributeError),
)
_RAISED = re.compile(r"(?<=[A-Za-z])([23])(?!\w)")  # m3/h, as people write it
_POWER_OF_A_NUMBER = re.compile(r"(?<![\w.])[\d.]+\s*(\*\*|\^)")


class UnitFlaw(Exception):
    """A unit is unknown, or does not go with another; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """``scale * x + offset``."""

    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Unit:
    """A unit: as it was written, and as Pint knows it."""

    name: str
    pint: Any


class Units:
    """All units there are."""

    def __init__(self) -> None:
        self._pint: Any = UnitRegistry(cache_folder=None)
        self.none = Unit("", self._pint.dimensionless)

    def named(self, name: str) -> Unit:
        """The unit of that name. Raises ``UnitFlaw``."""
        if len(name) > MAX_CHARACTERS or _POWER_OF_A_NUMBER.search(name):
            raise UnitFlaw(f"unit {name[:MAX_CHARACTERS]!r} cannot be read")
        text = _RAISED.sub(r"**\1", _OURS.get(name, name))
        try:
            unit = Unit(name, self._pint.parse_units(text))
            zero, one, two = (self._in_base(x, unit) for x in (0.0, 1.0, 2.0))
        except _REFUSALS:
            raise UnitFlaw(
                f"unit {name!r} is unknown: units are written like W, m**3/h, kg, °C "
                "or % (see Pint's list)"
            ) from None
        if abs((two - one) - (one - zero)) > 1e-9 * abs(two - one):
            raise UnitFlaw(f"unit {name!r} is logarithmic: it cannot be computed with")
        return unit

    def is_plain(self, unit: Unit) -> bool:
        """Whether it is no unit at all, not even a per cent."""
        return not unit.pint._units

    def is_offset(self, unit: Unit) -> bool:
        """Whether its zero is not the quantity's: °C and °F."""
        return self._in_base(0.0, unit) != 0.0

    def is_temperature(self, unit: Unit) -> bool:
        """Whether a tag in it is a temperature and not a difference of two."""
        return bool(
            unit.pint.dimensionality == {"[temperature]": 1}
            and not str(unit.pint).startswith("delta_")
            and len(unit.pint._units) == 1
        )

    def difference(self, unit: Unit) -> Unit:
        """The unit of a difference of two values in ``unit``."""
        if not self.is_offset(unit):
            return unit
        delta = self._pint.Unit(f"delta_{unit.pint}")
        return Unit(f"{unit.name} (difference)", delta)

    def product(self, left: Unit, right: Unit) -> tuple[Unit, float]:
        """What comes of ``left * right``, and a factor where units cancel out."""
        return self._reduced(left.pint * right.pint)

    def quotient(self, left: Unit, right: Unit) -> tuple[Unit, float]:
        """What comes of ``left / right``, and a factor where units cancel out."""
        return self._reduced(left.pint / right.pint)

    def power(self, unit: Unit, exponent: float) -> Unit:
        """What comes of ``unit ** exponent``."""
        raised = unit.pint**exponent
        return Unit(f"{raised:~}", raised)

    def conversion(self, source: Unit, target: Unit) -> Conversion:
        """From one to the other. Raises ``UnitFlaw`` if they do not go together."""
        try:
            zero = self._pint.convert(0.0, source.pint, target.pint)
            scale = self._pint.convert(
                1.0, self.difference(source).pint, self.difference(target).pint
            )
        except PintError:
            raise UnitFlaw(f"{told(source)} cannot become {told(target)}") from None
        return Conversion(float(scale), float(zero))

    def _reduced(self, made: Any) -> tuple[Unit, float]:
        """V/mV is 1000; but a per cent of something stays a per cent."""
        parts = [self._pint.Unit(name) for name in made._units]
        if made.dimensionless and all(not part.dimensionless for part in parts):
            factor = self._pint.convert(1.0, made, self.none.pint)
            return self.none, float(factor)
        return Unit(f"{made:~}", made), 1.0

    def _in_base(self, value: float, unit: Unit) -> float:
        return float(self._pint.Quantity(value, unit.pint).to_base_units().magnitude)


def told(unit: Unit) -> str:
    """A unit in a sentence."""
    return unit.name or "no unit"
