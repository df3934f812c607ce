"""The previous version, unpacked."""

from pathlib import Path

import pytest

from tests.upgrade.previous import CODE, unpack


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source tree of the previous version."""
    return unpack(CODE, tmp_path_factory.mktemp("previous"))
