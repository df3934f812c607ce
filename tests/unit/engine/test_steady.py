"""Steady time: unaffected by the wall clock, exact within a boot, never backwards."""

from edge_agent.engine.steady import Clocks, Mark, SteadyTime


class Machine:
    """Clocks to be set by hand, in seconds."""

    def __init__(self, boot: str = "a", elapsed: float = 100, wall: float = 5000):
        self.boot, self.elapsed, self.wall = boot, elapsed, wall

    def time(self, kept: Mark | None = None, not_before_ms: int = 0) -> SteadyTime:
        clocks = Clocks(
            boot=self.boot, elapsed=lambda: self.elapsed, wall=lambda: self.wall
        )
        return SteadyTime(clocks, kept, not_before_ms)

    def wait(self, seconds: float) -> None:
        self.elapsed += seconds
        self.wall += seconds


def test_it_begins_as_unix_time_and_runs_on() -> None:
    machine = Machine()
    time = machine.time()
    assert time.now_ms() == 5_000_000
    machine.wait(1.5)
    assert time.now_ms() == 5_001_500


def test_setting_the_wall_clock_changes_the_skew_only() -> None:
    machine = Machine()
    time = machine.time()
    machine.wall += 3600
    assert time.look() == 3_600_000
    assert time.now_ms() == 5_000_000
    assert time.wall_ms(5_000_010) == 8_600_010
    machine.wall -= 7200
    assert time.look() == -7_200_000
    assert time.look() == 0


def test_slight_differences_are_no_jump() -> None:
    machine = Machine()
    time = machine.time()
    machine.wall += 0.2
    assert time.look() == 0
    assert time.mark.skew_ms == 0


def test_within_a_boot_the_wall_clock_does_not_matter() -> None:
    machine = Machine()
    kept = machine.time().mark
    machine.wait(60)
    machine.wall -= 1_000
    again = machine.time(kept, 5_050_000)
    assert again.now_ms() == 5_060_000
    assert again.look() == -1_000_000


def test_after_a_reboot_the_wall_clock_tells_how_long_it_took() -> None:
    kept = Machine().time().mark
    later = Machine(boot="b", elapsed=7, wall=5600)
    assert later.time(kept, 5_050_000).now_ms() == 5_600_000


def test_after_a_reboot_the_old_skew_is_kept() -> None:
    machine = Machine()
    time = machine.time()
    machine.wall += 3600
    time.look()
    later = Machine(boot="b", elapsed=7, wall=5600 + 3600)
    assert later.time(time.mark, 5_050_000).now_ms() == 5_600_000


def test_after_a_reboot_without_a_battery_time_goes_on_from_the_last_moment() -> None:
    kept = Machine().time().mark
    later = Machine(boot="b", elapsed=7, wall=0)  # 1970
    time = later.time(kept, 5_050_000)
    assert time.now_ms() == 5_050_000
    time.look()
    assert time.wall_ms(time.now_ms()) == 0
    later.wait(3)
    later.wall = 6000  # the network has told the time
    time.look()
    assert time.now_ms() == 5_053_000
    assert time.wall_ms(time.now_ms()) == 6_000_000
