"""Signing in: which backend is asked, and who has to wait."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from heddle.contract.declare import SYSTEM_REALM, FleetError, Role
from heddle.contract.gate import LoginUnavailable, TooManyAttempts
from heddle.contract.people import CheckPassword, LoginRefused, PasswordChecked
from heddle.wamp.session import NotServed
from services.gatekeeper.admission import Admission
from services.gatekeeper.passwords import (
    FREE_TRIES_PER_PEER,
    MOST_AT_ONCE,
    Passwords,
)


class Backends:
    """Answer one after the other; the last one goes on answering."""

    def __init__(self, *answers: FleetError | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def call(self, _uri: Any, asked: CheckPassword, **_: Any) -> PasswordChecked:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise answer
        return PasswordChecked(user=asked.user)


def outcome(passwords: Passwords, user: str, at: str = "127.0.0.1") -> object:
    found: list[object] = []
    checking = passwords.check(user, "secret", at)
    _ = Deferred.fromCoroutine(checking).addBoth(found.append)
    return getattr(found[0], "value", found[0])


def asking(backends: Backends) -> Passwords:
    return Passwords(backends, Clock())  # type: ignore[arg-type]


def test_a_backend_that_leaves_before_its_answer_is_replaced_by_another() -> None:
    backends = Backends(NotServed("it has just left"), None)
    admitted = Admission(SYSTEM_REALM, Role.PERSON, "vera")
    assert outcome(asking(backends), "vera") == admitted
    assert backends.asked == 2


def test_without_any_backend_one_is_told_so_and_need_not_wait() -> None:
    passwords = asking(Backends(NotServed("nobody")))
    for _ in range(50):
        assert isinstance(outcome(passwords, "vera"), LoginUnavailable)


@pytest.mark.parametrize(
    ("user", "last"), [("vera", TooManyAttempts), ("key_1", LoginRefused)]
)
def test_who_guesses_has_to_wait_but_a_key_cannot_be_guessed(
    user: str, last: type[FleetError]
) -> None:
    passwords = asking(Backends(LoginRefused("no")))
    for _ in range(FREE_TRIES_PER_PEER):
        outcome(passwords, user)
    assert type(outcome(passwords, user)) is last


def test_a_stranger_who_guesses_does_not_lock_out_whom_this_place_knows() -> None:
    backends = Backends(None)
    passwords = asking(backends)
    assert outcome(passwords, "vera", at="203.0.113.1") == Admission(
        SYSTEM_REALM, Role.PERSON, "vera"
    )
    backends.answers = [LoginRefused("no")]
    for _ in range(10):
        last = outcome(passwords, "vera", at="198.51.100.7")
    assert isinstance(last, TooManyAttempts)
    backends.answers = [None]
    assert isinstance(outcome(passwords, "vera", at="192.0.2.1"), TooManyAttempts)
    assert isinstance(outcome(passwords, "vera", at="203.0.113.1"), Admission)


def test_guessing_where_somebody_is_known_is_slowed_down_too() -> None:
    backends = Backends(None)
    passwords = asking(backends)
    outcome(passwords, "vera", at="203.0.113.1")
    backends.answers = [LoginRefused("no")]
    for _ in range(10):
        last = outcome(passwords, "vera", at="203.0.113.1")
    assert isinstance(last, TooManyAttempts)


def test_all_addresses_of_one_ipv6_network_guess_together() -> None:
    passwords = asking(Backends(LoginRefused("no")))
    for n in range(FREE_TRIES_PER_PEER):
        outcome(passwords, f"user{n}", at=f"2001:db8::{n:x}")
    found = outcome(passwords, "another", at="2001:db8::ffff")
    assert isinstance(found, TooManyAttempts)


class Busy(Backends):
    """A backend that has not answered yet."""

    def __init__(self) -> None:
        super().__init__(None)
        self.waiting: list[Deferred[None]] = []

    async def call(self, uri: Any, asked: CheckPassword, **_: Any) -> PasswordChecked:
        if self.answers == [None]:
            self.waiting.append(Deferred())
            await self.waiting[-1]
        return await super().call(uri, asked)


def test_a_crowd_that_signs_in_does_not_queue_up_before_the_backend() -> None:
    backends = Busy()
    passwords = asking(backends)
    backends.answers = [None, None]  # this one is answered at once
    assert isinstance(outcome(passwords, "vera", at="203.0.113.1"), Admission)
    signing_in = [begun(passwords, f"user{n}", f"10.0.0.{n}") for n in range(200)]
    assert len(backends.waiting) == MOST_AT_ONCE
    told = [one for one in signing_in if one]
    assert len(told) == 200 - MOST_AT_ONCE
    assert all(isinstance(one[0].value, LoginUnavailable) for one in told)
    vera = begun(passwords, "vera", "203.0.113.1")  # whom this place knows
    for one in list(backends.waiting):
        one.callback(None)
    assert isinstance(vera[0], Admission)
    assert begun(passwords, "zoe", "192.0.2.1") == []  # there is room again


def begun(passwords: Passwords, user: str, at: str) -> list[Any]:
    """Somebody begins to sign in; what comes of it, when it does."""
    found: list[Any] = []
    checking = passwords.check(user, "secret", at)
    _ = Deferred.fromCoroutine(checking).addBoth(found.append)
    return found
