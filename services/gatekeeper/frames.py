"""Counts the frames of one WebSocket connection, for what no message limit sees.

A message may come in pieces, and an empty piece adds nothing to its size but an entry
to a list that the library keeps; a ping is answered by a pong, and costs as much as a
call. Both can be sent without end in six bytes each. Browsers cut a megabyte into a few
dozen pieces, and clients ping every few seconds. Pure: time is an argument.
"""

CONTINUATION, FIRST_CONTROL = 0, 8
MOST_PIECES = 1_000
MOST_CONTROLS, CONTROLS_WITHIN_S = 200, 10.0


class Frames:
    """What has come of one connection."""

    def __init__(self) -> None:
        self._pieces = 0
        self._controls = 0
        self._since_s = 0.0

    def flaw(self, opcode: int, now_s: float) -> str | None:
        """What is wrong with one more frame, if anything is."""
        if opcode >= FIRST_CONTROL:
            return self._control(now_s)
        self._pieces = self._pieces + 1 if opcode == CONTINUATION else 1
        if self._pieces > MOST_PIECES:
            return f"it sends a message in more than {MOST_PIECES:,} pieces"
        return None

    def _control(self, now_s: float) -> str | None:
        if now_s - self._since_s >= CONTROLS_WITHIN_S:
            self._controls, self._since_s = 0, now_s
        self._controls += 1
        if self._controls > MOST_CONTROLS:
            return (
                f"it sends more than {MOST_CONTROLS} pings and pongs "
                f"in {CONTROLS_WITHIN_S:g} s"
            )
        return None
