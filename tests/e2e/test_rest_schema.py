"""The API keeps what its description says, as schemathesis sees it.

Only the phases whose requests are the same every time run here; `python -m
tests.fuzz.rest` runs all of them, for as long as it is told to.
"""

import re

import pytest

from tests.fuzz.rest import examined
from tests.support.figures import tell
from tests.support.neighbours import need


@pytest.mark.timeout(900)
def test_no_server_error_and_no_undocumented_answer(tmp_path, capsys) -> None:
    need("schemathesis")
    done, defects = examined(tmp_path, "--phases=examples,coverage", "--seed=1")

    counted = re.search(r"\d+ generated.*", done.stdout)
    tell(capsys, f"schemathesis: {counted and counted[0]}")
    assert counted
    assert done.returncode == 0, done.stdout[-20_000:]
    assert not defects
