"""Link, agents, services and database are cut at random under load; nothing is lost.

The short version of ``python -m tests.soak ledger``: the same stack, few cuts.
"""

from pathlib import Path

import pytest

from tests.soak.ledger import soak
from tests.support.neighbours import need

CUTS, SEED = 10, 33


@pytest.mark.timeout(400)
def test_what_the_devices_produced_is_what_the_database_holds(tmp_path: Path) -> None:
    need("crossbar")
    outcome = soak(tmp_path, CUTS, SEED)
    assert outcome.flaws == []
    assert all(one.produced > 0 for one in outcome.streams if one.stream == "samples")
    assert sum(outcome.cuts.values()) == CUTS
