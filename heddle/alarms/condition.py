"""Whether a value fulfils a rule, and which values would change nothing.

Thresholds are computed in one place, so that what a quiet band lets pass is exactly
what judging would have let stand.
"""

from math import inf, isfinite, nextafter
from typing import TypeAlias

from heddle.alarms.rule import FARTHEST, LOWER, UPPER, Kind, Rule

GOOD, UNCERTAIN, BAD = 0, 1, 2  # qualities, as OPC UA has them

Band: TypeAlias = tuple[float, float]  # both ends belong to it
EMPTY: Band = (inf, -inf)
ANY: Band = (-FARTHEST, FARTHEST)
SMALLEST = nextafter(0.0, 1.0)


def usable(value: float, quality: int) -> bool:
    """Whether a sample tells a value: not bad, not NaN, not infinite."""
    return quality < BAD and isfinite(value)


def reached(rule: Rule, standing: bool, value: float) -> bool:
    """Whether a value (RATE: a rate) fulfils the condition, which ``standing`` did."""
    if rule.kind is Kind.BOOLEAN:
        return (value != 0) is rule.when
    low, low_back, high_back, high = _thresholds(rule)
    if standing:
        return not low_back < value < high_back
    return value >= high or value <= low


def poor(rule: Rule, quality: int) -> bool:
    """Whether a quality fulfils a rule of kind QUALITY."""
    return quality >= (UNCERTAIN if rule.uncertain else BAD)


def quiet(rule: Rule, standing: bool, value: float) -> Band:
    """Values around this one, of good quality, that leave the condition as it is."""
    match rule.kind:
        case Kind.RATE:
            return EMPTY
        case Kind.STALE | Kind.QUALITY:
            return EMPTY if standing else ANY
        case Kind.BOOLEAN:
            return _same_truth(value)
        case _:
            return _same_side(rule, standing, value)


def quiet_at_rest(rule: Rule) -> Band:
    """Values of good quality that leave an alarm alone while its condition is not met.

    Of BOOLEAN where any number but 0 is at rest, only some are told.
    """
    if rule.kind is Kind.BOOLEAN:
        return _same_truth(0.0 if rule.when else 1.0)
    return quiet(rule, False, 0.0)


def _same_truth(value: float) -> Band:
    if value == 0:
        return (0.0, 0.0)
    return (SMALLEST, FARTHEST) if value > 0 else (-FARTHEST, -SMALLEST)


def _same_side(rule: Rule, standing: bool, value: float) -> Band:
    low, low_back, high_back, high = _thresholds(rule)
    if not standing:
        return nextafter(low, inf), nextafter(high, -inf)
    if value >= high_back:
        return high_back, FARTHEST
    return -FARTHEST, low_back


def _thresholds(rule: Rule) -> tuple[float, float, float, float]:
    """Reached at or below the first, at or above the last; back between the others."""
    limit, deadband = rule.limit, rule.deadband
    if rule.kind in UPPER:
        return -inf, -inf, limit - deadband, limit
    if rule.kind in LOWER:
        return limit, limit + deadband, inf, inf
    low, high = rule.setpoint - limit, rule.setpoint + limit  # RATE: around 0
    return low, low + deadband, high - deadband, high
