"""Which frames of a WebSocket are too many, and which nobody counts."""

from services.gatekeeper.frames import (
    CONTROLS_WITHIN_S,
    MOST_CONTROLS,
    MOST_PIECES,
    Frames,
)

CONTINUED, TEXT, BINARY, PING, PONG = 0, 1, 2, 9, 10


def flaws(opcodes: list[int], *, every_s: float = 0.0) -> list[str]:
    frames = Frames()
    found = (frames.flaw(code, n * every_s) for n, code in enumerate(opcodes))
    return [flaw for flaw in found if flaw is not None]


def test_messages_without_end_are_no_flaw() -> None:
    assert flaws([TEXT, BINARY] * 10_000) == []


def test_a_message_has_so_many_pieces_and_the_next_begins_anew() -> None:
    whole = [BINARY, *[CONTINUED] * (MOST_PIECES - 1)]
    assert flaws(whole * 3) == []
    assert "1,000 pieces" in flaws([*whole, CONTINUED])[0]


def test_pings_within_a_message_do_not_hide_its_pieces() -> None:
    assert flaws([BINARY, *[CONTINUED, PING] * MOST_PIECES], every_s=1.0)


def test_pings_and_pongs_of_a_client_in_order_are_no_flaw() -> None:
    assert flaws([PING, PONG] * 10_000, every_s=1.0) == []


def test_a_flood_of_pings_is_one() -> None:
    assert flaws([PING] * MOST_CONTROLS) == []
    (flaw,) = flaws([PING] * (MOST_CONTROLS + 1))
    assert "pings and pongs in 10 s" in flaw
    frames = Frames()
    for at_s in (0.0, CONTROLS_WITHIN_S):
        assert [frames.flaw(PONG, at_s) for _ in range(MOST_CONTROLS)] == [
            None
        ] * MOST_CONTROLS
