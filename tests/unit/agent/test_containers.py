"""Paths of the agent as the Docker Engine knows them, and what containers say last."""

from pathlib import Path, PurePosixPath

import pytest

from edge_agent.runtime.containers import host_path
from edge_agent.runtime.docking import last_words
from edge_agent.runtime.runtime import RuntimeUnavailable

MOUNTS = [
    (PurePosixPath("/data/flows"), PurePosixPath("/fast/flows")),
    (PurePosixPath("/data"), PurePosixPath("/var/lib/docker/volumes/v/_data")),
]


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("/data/flows/brew", "/fast/flows/brew"),
        ("/data", "/var/lib/docker/volumes/v/_data"),
        ("/data/x/../y", "/var/lib/docker/volumes/v/_data/y"),
    ],
)
def test_the_deepest_mount_tells_the_path_outside(inside, outside) -> None:
    assert str(host_path(Path(inside), MOUNTS)) == outside


def test_on_a_host_a_path_is_itself() -> None:
    assert str(host_path(Path("/srv/heddle"), [])) == "/srv/heddle"


def test_what_no_mount_covers_cannot_be_shared() -> None:
    with pytest.raises(RuntimeUnavailable, match=r"/database .* on a volume"):
        host_path(Path("/database"), MOUNTS)


def test_last_words_are_a_sentence_and_no_records_of_a_log() -> None:
    log = b'{"flow": "brew", "version": 4}\nout of oil\n\nout of oil\n the end\n'
    assert last_words(log) == ["out of oil | the end"]
    assert last_words(b'{"flow": "brew"}\n') == []
