"""Which file a path names, and which encodings a browser understands."""

import re
from pathlib import Path

import pytest

from services.gatekeeper.page import HASHED, POLICY, accepted, file_name

VITE = Path(__file__).parents[3] / "services/web/vite.config.ts"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ([], "index.html"),
        ([b""], "index.html"),
        ([b"icon.svg"], "icon.svg"),
        ([b"assets", b"index-B_gSQyLA.js"], "assets/index-B_gSQyLA.js"),
        ([b".."], None),
        ([b"assets", b"..", b"..", b"etc", b"passwd"], None),
        ([b".ready"], None),
        ([b"assets", b""], None),
        ([b"a/../../b"], None),
        ([b"a\x00.js"], None),
        ([b"\xff.js"], None),
    ],
)
def test_a_path_names_a_file_below_the_folder_or_nothing(
    path: list[bytes], name: str | None
) -> None:
    assert file_name(path) == name


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {""}),
        ("gzip, deflate, br", {"gzip", "deflate", "br"}),
        ("GZIP;q=0.5, br;q=0", {"gzip"}),
        ("br; q=0.0", set()),
    ],
)
def test_what_a_browser_refuses_is_not_sent(header: str, found: set[str]) -> None:
    assert accepted(header) == found


def test_only_names_with_a_hash_are_kept_for_ever() -> None:
    assert HASHED.fullmatch("assets/index-B_gSQyLA.js")
    assert not HASHED.fullmatch("assets/index.js")
    assert not HASHED.fullmatch("index.html")


def test_the_page_says_by_itself_what_the_router_says_of_it() -> None:
    """The build's ``<meta>`` and the header are one policy; only a header frames."""
    (listed,) = re.findall(
        r"const POLICY = \[(.*?)\]\.join", VITE.read_text(), re.DOTALL
    )
    built = re.findall(r'"([^"]+)"', listed)
    assert [*built, "frame-ancestors 'none'"] == POLICY.split("; ")
