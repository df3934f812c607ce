"""The reference page names every message, command and field there is."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from edge_agent.engine import protocol

PAGE = (Path(__file__).parents[3] / "docs/reference/engine-protocol.md").read_text()
MESSAGES = [
    *get_args(protocol.Command),
    *get_args(protocol.ToEngine),
    *get_args(protocol.ToAgent),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.__name__)
def test_the_page_tells_of(message: type[msgspec.Struct]) -> None:
    tag = message.__struct_config__.tag
    row = re.search(rf"^\| `{tag}` \|.*$", PAGE, re.MULTILINE)
    assert row, f"no row of type {tag}"
    for field in message.__struct_fields__:
        assert f"`{field}`" in row[0], f"{tag}: {field}"


def test_the_page_tells_the_limits() -> None:
    assert protocol.MAX_FRAME_BYTES == 1024 * 1024
    assert "1 MiB" in PAGE
