"""Who plays which part in a swarm follows from its seed."""

from collections import Counter
from itertools import islice

from twisted.internet.task import Clock

from edge_agent.drivers.driver import Reading
from edge_agent.swarm.parts import Manner, Manners, parts
from edge_agent.swarm.plant import SteppedPlant

HALF = Manners(flapping=0.1, mute=0.1, slow=0.3)


def test_equal_seeds_give_equal_members_with_equal_flaps() -> None:
    one, other = parts("swarm", 7, 50, HALF), parts("swarm", 7, 50, HALF)
    assert one == other
    assert [list(islice(p.flaps(), 5)) for p in one] == [
        list(islice(p.flaps(), 5)) for p in other
    ]


def test_a_member_stays_who_it_is_when_the_swarm_grows() -> None:
    assert parts("swarm", 7, 50, HALF) == parts("swarm", 7, 80, HALF)[:50]


def test_another_seed_gives_other_members_under_other_names() -> None:
    one, other = parts("swarm", 7, 50, HALF), parts("swarm", 8, 50, HALF)
    assert [p.device for p in one][:2] == ["swarm_7_0001", "swarm_7_0002"]
    assert not {p.device for p in one} & {p.device for p in other}
    assert not {p.seed for p in one} & {p.seed for p in other}


def test_manners_have_about_the_share_that_was_asked_for() -> None:
    found = Counter(p.manner for p in parts("swarm", 1, 5000, HALF))
    assert {m: round(n / 5000, 1) for m, n in found.items()} == {
        Manner.FLAPPING: 0.1,
        Manner.MUTE: 0.1,
        Manner.SLOW: 0.3,
        Manner.STEADY: 0.5,
    }
    assert {p.manner for p in parts("swarm", 1, 50, Manners())} == {Manner.STEADY}
    assert {p.manner for p in parts("swarm", 1, 50, Manners(mute=1.0))} == {Manner.MUTE}


def test_equal_seeds_give_equal_readings_however_late_the_clock_calls() -> None:
    punctual, late = _scans(7, [1.0] * 12), _scans(7, [1.0, 3.2, 0.8] * 3)
    assert 3 < len(late) < len(punctual)
    assert late == punctual[: len(late)]
    assert _scans(8, [1.0] * 12) != punctual


def _scans(seed: int, waits_s: list[float]) -> list[dict[str, object]]:
    """What a plant tells, scan by scan, when the clock moves in such steps."""
    clock, told = Clock(), []
    plant = SteppedPlant(
        clock, now_s=clock.seconds, seed=seed, time_scale=1.0, scan_s=1.0
    )

    def hear(readings: list[Reading]) -> None:
        told.append({each.tag: each.value for each in readings})

    plant.subscribe(hear)
    for wait_s in waits_s:
        clock.advance(wait_s)
    return told
