"""The simulated plant as a driver: a bioreactor that runs by the clock.

Its state outlives the agent in a small file, as a real plant would: setpoints at once,
the rest every few seconds. While the disk takes nothing the plant goes on all the same,
for a plant knows no disk; an agent that dies meanwhile forgets what was not kept.
Equal seeds and equal writes give equal readings.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from edge_agent.drivers.bioreactor import Noise, Plant, Setpoints, advance
from edge_agent.drivers.driver import (
    DriverFailed,
    Found,
    Link,
    OnReadings,
    Reading,
    Value,
    WriteRefused,
    tags_found,
)
from heddle.contract.devices import Tag
from heddle.contract.samples import Quality
from heddle.files import write_whole

log = Logger()

SAVE_EVERY_S = 5.0

UNITS = {
    "temperature": "°C",
    "heater_output": "%",
    "dissolved_oxygen": "%",
    "ph": "pH",
    "level": "%",
    "temperature_setpoint": "°C",
    "stirrer_speed": "1/min",
    "aeration": "l/min",
    "feed_rate": "ml/min",
    "harvest_rate": "ml/min",
    "acid_rate": "ml/min",
    "base_rate": "ml/min",
}
LIMITS: dict[str, tuple[float, float]] = {
    "temperature_setpoint": (4.0, 60.0),
    "stirrer_speed": (0.0, 1200.0),
    "aeration": (0.0, 10.0),
    "feed_rate": (0.0, 500.0),
    "harvest_rate": (0.0, 500.0),
    "acid_rate": (0.0, 20.0),
    "base_rate": (0.0, 20.0),
}
_SETPOINTS = frozenset(field.name for field in fields(Setpoints))


class PlantDriver:
    """Advances the plant every scan and tells the tags that moved."""

    def __init__(
        self,
        clock: IReactorTime,
        state_file: Path,
        *,
        now_s: Callable[[], float],
        seed: int,
        time_scale: float = 1.0,
        scan_s: float = 0.2,
    ) -> None:
        self._clock = clock
        self._now_s = now_s
        self._file = state_file
        self._time_scale = time_scale
        self._scan_s = scan_s
        self._random = random.Random(seed)  # noqa: S311 -- a plant's noise
        self._plant = _load(state_file)
        self._told: dict[str, float] = {}
        self._saved_at = clock.seconds()
        self._is_kept = True
        self._loop: LoopingCall | None = None

    def tags(self) -> tuple[Tag, ...]:
        """Sensors, then setpoints."""
        return tuple(
            Tag(tag=name, unit=unit, writable=name in _SETPOINTS)
            for name, unit in UNITS.items()
        )

    def subscribe(self, on_readings: OnReadings) -> None:
        """Begin to scan."""
        self._loop = LoopingCall.withCount(lambda n: self._scan(n, on_readings))
        self._loop.clock = self._clock
        scanning = self._loop.start(self._scan_s)
        _ = scanning.addErrback(
            lambda failure: log.failure("the simulated plant stopped", failure)
        )

    def connections(self) -> Sequence[Link]:
        """None: it talks to nobody."""
        return ()

    async def read(self, tag: str) -> Reading:
        """The value as it was last told."""
        if tag not in UNITS:
            raise DriverFailed(f"the simulated plant has no tag {tag!r}")
        value = self._told.get(tag)
        quality = Quality.BAD if value is None else Quality.GOOD
        return Reading(tag, int(self._now_s() * 1_000_000), value, quality)

    async def browse(self, at: str = "") -> tuple[Found, ...]:
        """All its tags."""
        return tags_found(self.tags(), at)

    async def write(self, tag: str, value: Value, *, key: str = "") -> None:
        """Set a setpoint within its limits."""
        if tag not in _SETPOINTS:
            raise WriteRefused(
                f"tag {tag!r} of the simulated plant cannot be written; "
                f"these can: {', '.join(sorted(_SETPOINTS))}"
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WriteRefused(f"{tag} takes a number, not {value!r}")
        low, high = LIMITS[tag]
        if not low <= value <= high:
            raise WriteRefused(
                f"{tag} takes {low:g} to {high:g} {UNITS[tag]}, not {value:g}"
            )
        setpoints = replace(self._plant.setpoints, **{tag: float(value)})
        self._plant = replace(self._plant, setpoints=setpoints)
        self._save()

    async def stop(self) -> None:
        """Stop the scan and keep the state."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        self._save()

    def _scan(self, count: int, on_readings: OnReadings) -> None:
        dt_s = max(count, 1) * self._scan_s * self._time_scale
        self._plant, measured = advance(self._plant, dt_s, self._noise())
        at_us = int(self._now_s() * 1_000_000)
        values = asdict(measured) | asdict(self._plant.setpoints)
        moved = {t: v for t, v in values.items() if self._told.get(t) != v}
        self._told |= moved
        if moved:
            on_readings([Reading(tag, at_us, value) for tag, value in moved.items()])
        if self._clock.seconds() - self._saved_at >= SAVE_EVERY_S:
            self._save()

    def _noise(self) -> Noise:
        draw: Callable[[], float] = lambda: self._random.gauss(0.0, 1.0)  # noqa: E731
        return Noise(draw(), draw(), draw(), draw())

    def _save(self) -> None:
        self._saved_at = self._clock.seconds()
        try:
            write_whole(self._file, msgspec.json.encode(self._plant), durable=False)
        except OSError as error:
            if self._is_kept:
                log.warn(
                    "the plant's state is not kept: {file}: {why}; it goes on",
                    file=str(self._file),
                    why=error.strerror,
                )
            self._is_kept = False
        else:
            self._is_kept = True


def _load(file: Path) -> Plant:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Plant)
    except FileNotFoundError:
        return Plant()
    except msgspec.MsgspecError as flaw:
        log.warn(
            "{file} is unreadable ({flaw}); the plant starts anew",
            file=str(file),
            flaw=str(flaw),
        )
        return Plant()
