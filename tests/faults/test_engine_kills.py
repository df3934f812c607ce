"""The real process is killed at random; nothing is lost, nothing doubled.

The short version of ``python -m tests.soak engine``: the same plays, few deaths.
"""

from pathlib import Path

import pytest

from tests.soak.engine import RUNTIMES, soak
from tests.support.images import image

KILLS = {"process": 8, "container": 4}
SEED = 11


@pytest.mark.timeout(300)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_killed_at_random_it_loses_and_doubles_nothing(
    tmp_path: Path, runtime: str
) -> None:
    if runtime == "container":
        image("engine")
    outcome = soak(tmp_path, runtime, KILLS[runtime], SEED)
    assert outcome.differences == []
    assert outcome.figures["runs"] > 0
