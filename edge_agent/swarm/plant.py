"""The plant of a swarm's member: the simulated bioreactor, cheap and repeatable.

Every scan is a step of the same length, however late the clock calls: equal seeds and
equal writes give equal readings, scan by scan, on the busiest machine. Nothing of it is
kept; a swarm that is started again begins with new broth.
"""

from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from edge_agent.drivers.driver import OnReadings
from edge_agent.drivers.plant import PlantDriver

_NO_FILE = Path("/nowhere/plant.json")


class SteppedPlant(PlantDriver):
    """A bioreactor that goes by its scans."""

    def __init__(
        self,
        clock: IReactorTime,
        *,
        now_s: Callable[[], float],
        seed: int,
        time_scale: float,
        scan_s: float,
    ) -> None:
        super().__init__(
            clock,
            _NO_FILE,
            now_s=now_s,
            seed=seed,
            time_scale=time_scale,
            scan_s=scan_s,
        )

    @override
    def _scan(self, count: int, on_readings: OnReadings) -> None:
        super()._scan(1, on_readings)

    @override
    def _save(self) -> None:
        """Nothing is kept."""
