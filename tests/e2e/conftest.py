"""Stacks for end-to-end tests: one for all that only look and run, fresh ones else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.images import image
from tests.support.neighbours import need
from tests.support.stack import RunningStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose device lives 20 times faster; engines as child processes."""
    need("crossbar")
    data: Path = tmp_path_factory.mktemp("stack") / "data"
    with running_stack(data, "--time-scale", "20", "--runtime", "process") as found:
        yield found


@pytest.fixture(scope="session")
def container_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The same with engines in containers."""
    need("crossbar")
    image("engine")
    data: Path = tmp_path_factory.mktemp("container-stack") / "data"
    with running_stack(data, "--time-scale", "20", "--runtime", "container") as found:
        yield found


@pytest.fixture(params=["process", "container"])
def either_stack(request: pytest.FixtureRequest) -> RunningStack:
    """A stack with engines as child processes, then one with engines in containers."""
    name = {"process": "stack", "container": "container_stack"}[request.param]
    found: RunningStack = request.getfixturevalue(name)
    return found
