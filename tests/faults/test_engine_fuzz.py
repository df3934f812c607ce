"""Whatever is given to the parser or the socket, they stand and make sense.

The short version of ``python -m tests.fuzz``: the same inputs, a few thousand of them.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.harness import Target, feed
from tests.fuzz.parser import ParserTarget
from tests.fuzz.wire import WireTarget
from tests.support.figures import tell

SEED = "3"


@pytest.mark.parametrize(
    ("make", "inputs"), [(ParserTarget, 2_000), (WireTarget, 4_000)]
)
def test_no_input_brings_them_down(
    tmp_path: Path, make: Callable[[], Target], inputs: int, capsys
) -> None:
    share = feed(make(), inputs, SEED, tmp_path)
    tell(capsys, f"{make.__name__}: {share.count['inputs']} inputs fuzzed")
    assert share.failures == []
    assert share.count["inputs"] == inputs
