"""When a value was so: the peer's word where it can be, else when it came.

A peer's time is kept if it is near ours and after what was told of the tag before, and
after the session began: a tag's past stays in order, and what was said once the link
was up again never looks older than its loss.
"""

from collections.abc import Callable

MAX_LAG_S, MAX_LEAD_S = 60.0, 5.0  # a peer's clock, against ours

_SECOND_US = 1_000_000


class Times:
    """The newest instant of each tag in a session."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._began_us = self.now_us()
        self._last_us: dict[str, int] = {}

    def now_us(self) -> int:
        """Unix microseconds."""
        return int(self._now_s() * _SECOND_US)

    def at_us(self, tag: str, theirs_us: int | None) -> int:
        """The instant to tell."""
        now_us = at_us = self.now_us()
        if theirs_us is not None:
            last_us = self._last_us.get(tag, self._began_us)
            least_us = max(last_us, now_us - int(MAX_LAG_S * _SECOND_US))
            if least_us < theirs_us <= now_us + int(MAX_LEAD_S * _SECOND_US):
                at_us = theirs_us
        self._last_us[tag] = at_us
        return at_us

    def age_ms(self, theirs_us: int) -> float:
        """How long ago that was."""
        return (self.now_us() - theirs_us) / 1000
