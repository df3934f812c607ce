"""Enrolment codes: readable, random, forgiving to the typist."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.backend.fleet.enrolment import code_hash, make_code


def test_a_code_is_four_groups_without_letters_one_misreads() -> None:
    codes = {make_code() for _ in range(500)}
    assert len(codes) == 500
    form = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}")
    assert all(form.fullmatch(code) for code in codes)


def test_typing_does_not_matter() -> None:
    assert (
        code_hash("7K3M-9QX1-0C5T-WWE2")
        == code_hash(" 7k3m 9qxi oc5t wwe2\n")
        == code_hash("7K3M9QXL0C5TWWE2")
    )


@given(st.text())
def test_any_text_has_a_hash(text: str) -> None:
    assert len(code_hash(text)) == 32


def test_another_code_has_another_hash() -> None:
    assert code_hash("7K3M-9QX1-0C5T-WWE2") != code_hash("7K3M-9QX1-0C5T-WWE3")
