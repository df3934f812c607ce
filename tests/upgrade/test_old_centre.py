"""This version's agent with the previous version's centre, which is upgraded later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.neighbours import need
from tests.support.stack import ROOT, RunningStack, running_stack
from tests.upgrade.device import newcomer
from tests.upgrade.life import live
from tests.upgrade.previous import FAST

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def old_stack(
    previous: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    """The previous version's centre, driven by its own command line."""
    need("crossbar")
    data = tmp_path_factory.mktemp("old") / "data"
    with running_stack(data, *FAST, root=previous) as stack:
        yield stack


def test_an_agent_enrols_with_an_older_centre_and_works(
    old_stack: RunningStack, tmp_path: Path
) -> None:
    new = newcomer(old_stack, "new_1", tmp_path, ROOT)
    with new.running(old_stack):
        live(old_stack, new.name, tmp_path)
