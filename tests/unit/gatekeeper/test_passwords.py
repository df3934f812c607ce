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
from services.gatekeeper.passwords import FREE_TRIES_PER_PEER, Passwords


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


def outcome(passwords: Passwords, user: str) -> object:
    found: list[object] = []
    checking = passwords.check(user, "secret", "tcp4:127.0.0.1")
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
