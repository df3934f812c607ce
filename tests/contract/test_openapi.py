"""The API description in the manual is the one a gateway serves."""

from pathlib import Path

from services.gateway.openapi import text

PAGE = Path(__file__).parents[2] / "docs/reference/openapi.json"


def test_the_description_in_the_manual_is_current() -> None:
    assert PAGE.read_text() == text(), "run `make reference`"
