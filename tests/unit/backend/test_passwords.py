"""Passwords: what is accepted."""

import pytest

from heddle.contract.accounts import PasswordWeak
from heddle.contract.declare import InvalidRequest
from services.backend.accounts.passwords import (
    Passwords,
    check_password,
    check_strength,
)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1025])
def test_a_password_is_neither_short_nor_absurd(password: str) -> None:
    with pytest.raises(InvalidRequest, match=f"this one has {len(password)}"):
        check_password(password)


@pytest.mark.parametrize("password", ["12345678", "pässwörd", "\x00" * 8, "x" * 1024])
def test_any_characters_make_a_password(password: str) -> None:
    check_password(password)


def test_a_hash_of_today_is_not_outdated_and_a_weaker_one_is() -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024).hash("12345678")
    passwords = Passwords(None)
    assert passwords.outdated(weak)
    assert not passwords.outdated(PasswordHasher().hash("12345678"))


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "8 to 1024 characters"),
        ("the old password", "is the old one"),
        ("aaaabbbbcccc", "5 different characters"),
        ("vera_7_", "8 to 1024 characters"),
        ("vera_77!", "hardly more than the user's name"),
    ],
)
def test_a_new_password_is_not_easy_to_guess(password: str, words: str) -> None:
    with pytest.raises(PasswordWeak, match=words):
        check_strength("vera_7", password, "the old password")


def test_a_new_password_may_hold_the_name_beside_enough_else() -> None:
    check_strength("vera", "what vera never tells", "the old password")
