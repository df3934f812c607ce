"""The engine's unit tests keep their journals in memory where the machine offers it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory whose syncs cost nothing."""
    fast = Path("/dev/shm")  # noqa: S108 -- the directory made in it is ours alone
    with TemporaryDirectory(dir=fast if fast.is_dir() else None) as directory:
        yield Path(directory)
