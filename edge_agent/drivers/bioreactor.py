"""A small stirred bioreactor as a pure function of time.

A thermostat heats and cools the broth towards its setpoint with limited power; the
stirrer and the air flow bring oxygen that the culture consumes; pumps fill and empty
the vessel; acid and base move the pH, which the culture slowly lowers. Every process
is of first order and solved exactly over a step, so that a step of any length is
stable: a virtual device may run hundreds of times faster than the wall clock.
"""

import math
from dataclasses import dataclass, replace

AMBIENT_C = 20.0
HEATING_C_PER_S = 0.8  # what the heater manages at full power
COOLING_C_PER_S = 0.6
HEATING_LAG_S = 12.0  # of the broth behind the jacket, near the setpoint
OXYGEN_LAG_S = 15.0
PH_LAG_S = 10.0
VESSEL_L = 10.0
RESTING_PH = 6.6  # where the culture would bring it
EVAPORATION_ML_PER_MIN = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Setpoints:
    """What an operator or a workflow writes."""

    temperature_setpoint: float = 20.0  # degrees Celsius
    stirrer_speed: float = 300.0  # 1/min
    aeration: float = 2.0  # l/min
    feed_rate: float = 0.0  # ml/min
    harvest_rate: float = 0.0  # ml/min
    acid_rate: float = 0.0  # ml/min
    base_rate: float = 0.4  # ml/min; just what the culture takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """The state of the reactor."""

    setpoints: Setpoints = Setpoints()
    temperature: float = AMBIENT_C  # degrees Celsius
    heater_output: float = 0.0  # percent of full power, negative: cooling
    dissolved_oxygen: float = 80.0  # percent of saturation
    ph: float = 7.0
    level: float = 60.0  # percent of the vessel


@dataclass(frozen=True, slots=True)
class Noise:
    """One draw of standard normal deviates, for what sensors add."""

    temperature: float = 0.0
    dissolved_oxygen: float = 0.0
    ph: float = 0.0
    level: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the sensors show, rounded to what they can resolve."""

    temperature: float
    heater_output: float
    dissolved_oxygen: float
    ph: float
    level: float


def advance(plant: Plant, dt_s: float, noise: Noise) -> tuple[Plant, Measured]:
    """The plant ``dt_s`` seconds later, and what its sensors then show."""
    later = _moved(plant, dt_s)
    return later, Measured(
        temperature=round(later.temperature + 0.03 * noise.temperature, 2),
        heater_output=round(later.heater_output, 1),
        dissolved_oxygen=round(
            _within(later.dissolved_oxygen + 0.3 * noise.dissolved_oxygen, 0, 120), 1
        ),
        ph=round(later.ph + 0.004 * noise.ph, 2),
        level=round(_within(later.level + 0.05 * noise.level, 0, 100), 1),
    )


def _moved(plant: Plant, dt_s: float) -> Plant:
    wanted = plant.setpoints
    litres = max(plant.level / 100 * VESSEL_L, 0.5)
    temperature = _thermostat(plant.temperature, wanted.temperature_setpoint, dt_s)
    coming = wanted.feed_rate + wanted.acid_rate + wanted.base_rate
    flow_ml = coming - wanted.harvest_rate - EVAPORATION_ML_PER_MIN
    return replace(
        plant,
        temperature=temperature,
        heater_output=_power(temperature, wanted.temperature_setpoint),
        dissolved_oxygen=_towards(
            plant.dissolved_oxygen, _oxygen_balance(wanted), dt_s, OXYGEN_LAG_S
        ),
        ph=_towards(plant.ph, _ph_balance(wanted, litres), dt_s, PH_LAG_S),
        level=_within(
            plant.level + flow_ml / 1000 / 60 * dt_s / VESSEL_L * 100, 0.0, 100.0
        ),
    )


def _thermostat(temperature: float, setpoint: float, dt_s: float) -> float:
    """Full power while far away, a first-order approach when near."""
    step = (setpoint - temperature) * (1 - math.exp(-dt_s / HEATING_LAG_S))
    return temperature + _within(step, -COOLING_C_PER_S * dt_s, HEATING_C_PER_S * dt_s)


def _power(temperature: float, setpoint: float) -> float:
    """Percent: what holds the temperature against the room, and what moves it."""
    holding = (temperature - AMBIENT_C) * 0.5
    moving = (setpoint - temperature) / HEATING_LAG_S / HEATING_C_PER_S * 100
    return _within(holding + moving, -100.0, 100.0)


def _oxygen_balance(wanted: Setpoints) -> float:
    """Percent of saturation at which supply and consumption are equal."""
    supply = math.sqrt(wanted.stirrer_speed / 300 * max(wanted.aeration, 0.0) / 2)
    return _within(100 - 20 / supply, 0.0, 100.0) if supply > 0 else 0.0


def _ph_balance(wanted: Setpoints, litres: float) -> float:
    """The pH at which dosing and the culture's own acid are equal."""
    dosing = (wanted.base_rate - wanted.acid_rate) * 6.0 / litres
    return _within(RESTING_PH + dosing, 2.0, 12.0)


def _towards(value: float, target: float, dt_s: float, lag_s: float) -> float:
    return target + (value - target) * math.exp(-dt_s / lag_s)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
