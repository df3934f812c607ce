"""The tags of a table: which alarms watch them, and what of them can be let pass.

A tag is known by its slot, an index; slot 0 is for tags without alarms and always
quiet. Lists by slot rather than an object for each: most samples end here.
"""

from math import inf

from heddle.alarms.condition import EMPTY, Band
from heddle.alarms.rule import FARTHEST, Kind, Rule


class Slots:
    """Lists by slot; the band ``low`` to ``high`` is where nothing moves."""

    def __init__(self) -> None:
        self.low = [-FARTHEST]
        self.high = [FARTHEST]
        self.seen = [0]  # up to when the tag was judged
        self.until: list[float] = [inf]  # when something may happen by itself
        self.on: list[tuple[int, ...]] = [()]  # the alarms
        self.silence: list[tuple[int, ...]] = [()]  # those of kind STALE
        self.of: dict[str, int] = {}  # tag -> slot

    def __len__(self) -> int:
        """How many, slot 0 included."""
        return len(self.on)

    def open(self, tag: str, seen_us: int) -> int:
        """A slot for a tag that has none."""
        slot = self.of[tag] = len(self.on)
        self.low.append(EMPTY[0])
        self.high.append(EMPTY[1])
        self.seen.append(seen_us)
        self.until.append(inf)
        self.on.append(())
        self.silence.append(())
        return slot

    def watch(self, slot: int, index: int, rule: Rule) -> None:
        """An alarm watches the slot's tag."""
        self.on[slot] += (index,)
        if rule.kind is Kind.STALE:
            self.silence[slot] += (index,)

    def leave(self, slot: int, index: int) -> None:
        """It does so no more."""
        self.on[slot] = tuple(x for x in self.on[slot] if x != index)
        self.silence[slot] = tuple(x for x in self.silence[slot] if x != index)

    def is_open(self, slot: int) -> bool:
        """Whether there are values that would be let pass."""
        return self.low[slot] <= self.high[slot]

    def let_pass(self, slot: int, band: Band, until: float) -> None:
        """Good values of this band move nothing before a time."""
        self.low[slot], self.high[slot] = band
        self.until[slot] = until

    def shut(self, slot: int) -> None:
        """Have the next sample judged, whatever it is."""
        if slot:
            self.low[slot], self.high[slot] = EMPTY
