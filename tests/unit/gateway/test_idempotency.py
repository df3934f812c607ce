"""A request with a key is done once, and its answer kept for a day."""

import pytest

from services.gateway.idempotency import KEPT_S, Answers, Said, check_key, fingerprint
from services.gateway.problems import KeyReused, Malformed, StillUnderWay, Uncertain

SAID = Said(201, {"location": "/x"}, b"{}")


def test_a_repeat_gets_the_first_answer() -> None:
    answers = Answers()

    assert answers.begin("vera", "k", "print", 0.0) is None
    with pytest.raises(StillUnderWay, match="'k' is under way"):
        answers.begin("vera", "k", "print", 1.0)
    answers.keep("vera", "k", SAID)

    assert answers.begin("vera", "k", "print", 2.0) == SAID
    assert answers.begin("vera", "k", "print", KEPT_S + 1.0) is None


def test_the_same_key_with_another_body_is_refused() -> None:
    answers = Answers()
    answers.begin("vera", "k", fingerprint("POST", "/a?", b"1"), 0.0)

    with pytest.raises(KeyReused, match="use a new key"):
        answers.begin("vera", "k", fingerprint("POST", "/a?", b"2"), 0.0)
    with pytest.raises(KeyReused):
        answers.begin("vera", "k", fingerprint("POST", "/b?", b"1"), 0.0)


def test_keys_of_two_people_do_not_meet() -> None:
    answers = Answers()
    answers.begin("vera", "k", "print", 0.0)

    assert answers.begin("otto", "k", "other", 0.0) is None


def test_what_was_not_decided_is_done_again() -> None:
    answers = Answers()
    answers.begin("vera", "k", "print", 0.0)
    answers.give_up("vera", "k")

    assert answers.begin("vera", "k", "print", 0.0) is None


def test_what_may_have_been_done_is_not_done_again() -> None:
    answers = Answers()
    answers.begin("vera", "k", "print", 0.0)
    answers.doubt("vera", "k")

    with pytest.raises(Uncertain, match="not known: look"):
        answers.begin("vera", "k", "print", 0.0)


def test_memory_is_bounded_by_number_and_by_bytes() -> None:
    few, small = Answers(most=10), Answers(most_bytes=1000)
    for number in range(50):
        for answers in (few, small):
            answers.begin("vera", str(number), "print", 0.0)
            answers.keep("vera", str(number), Said(200, {}, b"x" * 100))

    assert few.count == 10
    assert small.count <= 12
    assert few.begin("vera", "49", "print", 0.0) is not None


@pytest.mark.parametrize("key", ["", " ", " a", "a" * 256, "grün", "a\tb"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(Malformed, match="1 to 255"):
        check_key(key)


def test_a_key_is_taken_as_it_is() -> None:
    assert [check_key(key) for key in ("a", '"a b"')] == ["a", '"a b"']
