"""What a person writes for a part of a fleet, and whose the fleet is."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from heddle.cli.__main__ import main
from heddle.cli.swarm import SHARE
from heddle.local.swarm import FleetInUse, claim


@pytest.mark.parametrize(
    ("told", "meant"),
    [("5%", 0.05), ("5", 0.05), ("0%", 0.0), ("100%", 1.0), ("0.5%", 0.005)],
)
def test_a_share_is_told_in_percent(told: str, meant: float) -> None:
    assert SHARE.convert(told, None, None) == pytest.approx(meant)


@pytest.mark.parametrize("told", ["half", "101%", "-1%", "", "nan"])
def test_what_is_no_share_is_refused_with_an_example(told: str) -> None:
    answer = CliRunner().invoke(main, ["swarm", "--flapping", told])
    assert answer.exit_code == 2
    assert "no part of the devices: write e.g. 5%" in answer.output


def test_a_fleet_is_played_by_one_swarm_at_a_time(tmp_path: Path) -> None:
    claim(tmp_path / "swarm_1")
    claim(tmp_path / "swarm_2")
    with pytest.raises(FleetInUse, match="another swarm plays the fleet in"):
        claim(tmp_path / "swarm_1")
