"""The simulated bioreactor: physics without a clock."""

from dataclasses import replace

import pytest

from edge_agent.drivers.bioreactor import Noise, Plant, Setpoints, advance

QUIET = Noise()


def after(seconds: float, dt_s: float = 1.0, plant: Plant | None = None, **wanted):
    plant = plant or Plant()
    plant = replace(plant, setpoints=replace(plant.setpoints, **wanted))
    measured = None
    for _ in range(round(seconds / dt_s)):
        plant, measured = advance(plant, dt_s, QUIET)
    return plant, measured


def test_the_temperature_reaches_its_setpoint_with_a_lag() -> None:
    _, soon = after(10, temperature_setpoint=40)
    _, later = after(40, temperature_setpoint=40)
    _, settled = after(120, temperature_setpoint=40)
    assert 22 < soon.temperature < 32
    assert later.temperature >= 36.8  # seed 004's condition, with its deviation
    assert settled.temperature == pytest.approx(40, abs=0.05)


def test_cooling_follows_too_and_the_output_is_negative_meanwhile() -> None:
    warm, _ = after(120, temperature_setpoint=40)
    cooler, measured = after(10, plant=warm, temperature_setpoint=24)
    assert cooler.temperature < 36
    assert measured.heater_output < 0


@pytest.mark.parametrize("dt_s", [0.1, 1, 12, 60, 600])
def test_steps_of_any_length_are_stable(dt_s) -> None:
    plant, measured = after(6000, dt_s, temperature_setpoint=37, stirrer_speed=900)
    assert measured.temperature == pytest.approx(37, abs=0.01)
    assert 0 <= measured.dissolved_oxygen <= 120
    assert 0 <= plant.level <= 100


def test_stirring_and_air_bring_oxygen() -> None:
    still = after(200, stirrer_speed=0)[1].dissolved_oxygen
    slow = after(200, stirrer_speed=100)[1].dissolved_oxygen
    fast = after(200, stirrer_speed=900, aeration=6)[1].dissolved_oxygen
    assert still == 0 < slow < fast


def test_acid_lowers_and_base_raises_the_ph() -> None:
    resting = after(100)[1].ph
    assert resting == pytest.approx(7.0, abs=0.02)
    assert after(100, acid_rate=2)[1].ph < resting < after(100, base_rate=2)[1].ph


def test_pumps_fill_and_empty_the_vessel_and_no_more() -> None:
    assert after(600, feed_rate=100)[1].level == pytest.approx(70, abs=0.1)
    assert after(600, harvest_rate=100)[1].level == pytest.approx(50, abs=0.1)
    assert after(9000, feed_rate=500)[1].level == 100
    assert after(9000, harvest_rate=500)[1].level == 0


def test_noise_shows_on_sensors_and_leaves_the_plant_alone() -> None:
    quiet, calm = advance(Plant(), 1, QUIET)
    noisy, shaken = advance(Plant(), 1, Noise(3, 3, 3, 3))
    assert quiet == noisy
    assert shaken.temperature > calm.temperature


def test_a_plant_left_alone_stays_as_it_is() -> None:
    plant, _ = after(36_000, 10)
    assert plant.temperature == pytest.approx(20)
    assert plant.level == pytest.approx(60, abs=0.1)
    assert plant.setpoints == Setpoints()
