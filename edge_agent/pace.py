"""How much of a stream to send next, and what to do when the other end refuses.

No reactor, no clock: the latency of each receipt comes in. Batches grow while receipts
come at once and shrink when they take longer, for live values wait behind what is on
its way; where even little takes long, one batch goes at a time.

A batch that can never be stored as it is blocks its stream. It is halved until what
remains is as small as can be; that is tried some more, for the fault may pass (a
clock that is set), and then given up. Where the next is refused at once, twice as much
is given up at a time: a long stretch of unfit items costs few rounds, and no more good
items than there were unfit ones.
"""

import enum

FIRST_ITEMS, LEAST_ITEMS = 2_000, 2_000
QUICK_S, SLOW_S, STALLED_S = 0.1, 0.25, 1.0
WINDOW = 3  # batches on their way
PATIENCE = 5  # refusals of the smallest batch before it is given up


class Verdict(enum.Enum):
    """What to do with a refused batch."""

    SMALLER = "smaller"  # send less of it, at once
    LATER = "later"  # send it again after a while
    GIVE_UP = "give up"  # drop it


class Pace:
    """One stream's pace, over one or more sessions."""

    def __init__(self, most_items: int) -> None:
        self._most_items = most_items
        self._items = min(FIRST_ITEMS, most_items)
        self._limit = most_items  # what the other end takes
        self._window = 1  # until something is accepted
        self._give_up = 1  # items at a time
        self._refusals = 0

    @property
    def items(self) -> int:
        """The most items of the next batch."""
        return min(self._items, self._limit)

    @property
    def window(self) -> int:
        """How many batches may be on their way."""
        return self._window

    def accepted(self, latency_s: float, most_items: int | None) -> None:
        """A receipt came, with what the other end takes next."""
        self._window = 1 if latency_s > STALLED_S else WINDOW
        self._give_up, self._refusals = 1, 0
        limit = self._most_items if most_items is None else max(most_items, 1)
        self._limit = min(limit, self._most_items)
        if latency_s > SLOW_S:
            self._items = max(self._items // 2, min(LEAST_ITEMS, self._most_items))
        elif latency_s < QUICK_S:
            self._items = min(self._items * 2, self._most_items)

    def failed(self) -> None:
        """No receipt came: one batch at a time until one does."""
        self._window = 1

    def refused(self, items: int) -> Verdict:
        """A batch of so many items, alone on its way, is not acceptable as it is."""
        self._window = 1
        if items > self._give_up:
            self._items = max(items // 2, self._give_up)
            return Verdict.SMALLER
        self._refusals += 1
        if self._refusals < PATIENCE:
            return Verdict.LATER
        self._give_up = min(self._give_up * 2, self._most_items)
        self._items = self._give_up
        return Verdict.GIVE_UP
