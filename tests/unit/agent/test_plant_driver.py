"""The simulated plant as a driver, in virtual time."""

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.drivers.driver import WriteRefused
from edge_agent.drivers.plant import LIMITS, UNITS, PlantDriver


def done(coroutine):
    """The result of work that need not wait."""
    results, failures = [], []
    Deferred.fromCoroutine(coroutine).addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    return results[0]


class Bench:
    """A driver on a clock, and all it told."""

    def __init__(self, folder: Path, **settings):
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.driver = PlantDriver(
            self.clock,
            folder / "plant.json",
            **{"seed": 1, "now_s": self.clock.seconds, **settings},
        )
        self.told = []
        self.driver.subscribe(self.told.append)

    def run(self, seconds: float, step: float = 0.2) -> None:
        for _ in range(round(seconds / step)):
            self.clock.advance(step)

    def last(self, tag: str):
        return [r.value for rs in self.told for r in rs if r.tag == tag][-1]


def test_the_first_readings_cover_every_tag(tmp_path) -> None:
    bench = Bench(tmp_path)
    assert {r.tag for r in bench.told[0]} == set(UNITS)
    assert {t.tag for t in bench.driver.tags() if t.writable} == set(LIMITS)
    assert {r.at_us for r in bench.told[0]} == {1_700_000_000_000_000}


def test_later_readings_are_of_tags_that_moved(tmp_path) -> None:
    bench = Bench(tmp_path)
    bench.run(2)
    assert "aeration" not in {r.tag for rs in bench.told[1:] for r in rs}


def test_equal_seeds_tell_the_same_and_others_do_not(tmp_path) -> None:
    benches = [Bench(tmp_path / str(n), seed=s) for n, s in enumerate((1, 1, 2))]
    for bench in benches:
        bench.run(5)
    assert benches[0].told == benches[1].told != benches[2].told


def test_a_time_scale_makes_the_plant_faster(tmp_path) -> None:
    bench = Bench(tmp_path, time_scale=60)
    done(bench.driver.write("temperature_setpoint", 40))
    bench.run(2)
    assert bench.last("temperature") > 39
    assert bench.last("temperature_setpoint") == 40


@pytest.mark.parametrize(
    ("tag", "value", "sentence"),
    [
        ("temperature_setpoint", 99, "temperature_setpoint takes 4 to 60 °C, not 99"),
        ("temperature_setpoint", "warm", "takes a number, not 'warm'"),
        ("temperature_setpoint", True, "takes a number, not True"),
        ("temperature_setpoint", float("nan"), "takes 4 to 60"),
        ("temperature", 20, "'temperature' of the simulated plant cannot be written"),
    ],
)
def test_a_bad_write_is_refused_in_words(tmp_path, tag, value, sentence) -> None:
    with pytest.raises(WriteRefused, match=sentence):
        done(Bench(tmp_path).driver.write(tag, value))


def test_the_plant_outlives_its_agent(tmp_path) -> None:
    bench = Bench(tmp_path, time_scale=60)
    done(bench.driver.write("temperature_setpoint", 40))
    bench.run(10)  # then the agent is killed: no stop
    again = Bench(tmp_path, time_scale=60)
    assert again.last("temperature_setpoint") == 40
    assert again.last("temperature") > 35


def test_a_broken_state_file_is_a_new_plant(tmp_path) -> None:
    (tmp_path / "plant.json").write_text("{")
    assert Bench(tmp_path).last("temperature") == pytest.approx(20, abs=0.5)


def test_a_disk_that_takes_nothing_does_not_stop_the_plant(tmp_path) -> None:
    bench = Bench(tmp_path, time_scale=60)
    in_the_way = tmp_path / "plant.json.new"
    in_the_way.mkdir()
    done(bench.driver.write("temperature_setpoint", 40))
    bench.run(12)
    assert bench.last("temperature") > 39
    assert not (tmp_path / "plant.json").exists()
    in_the_way.rmdir()
    bench.run(6)
    assert Bench(tmp_path).last("temperature_setpoint") == 40
