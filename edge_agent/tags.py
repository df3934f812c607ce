"""The tag table: what every tag's value is now, and who wants to know of changes.

It is the one owner of current values. Readings come in from the driver; live
telemetry, the outbox and the engines hear of them in one call, in the order of their
subscription.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from edge_agent.derived import Derivations
from edge_agent.drivers.driver import Reading
from heddle.contract.devices import Tag
from heddle.contract.samples import Quality

Hears = Callable[[Sequence[Reading]], None]


class TagTable:
    """Tags by name and by what workflows call them, with their newest reading."""

    def __init__(self, tags: Iterable[Tag], derived: Derivations | None = None) -> None:
        self._derived = derived or Derivations()
        every = (*tags, *self._derived.tags)
        self.tags: Mapping[str, Tag] = {tag.tag: tag for tag in every}
        self._by_node = {tag.node: tag for tag in self.tags.values() if tag.node}
        self._now: dict[str, Reading] = {}
        self._hearers: list[Hears] = []

    def of_node(self, node: str) -> Tag | None:
        """The tag a workflow means by ``node``: a mapped id, or the tag's own name."""
        return self._by_node.get(node) or self.tags.get(node)

    def now(self, tag: str) -> Reading:
        """The newest reading; bad and without value before the first."""
        return self._now.get(tag) or Reading(tag, 0, None, Quality.BAD)

    def all_now(self) -> tuple[Reading, ...]:
        """The newest reading of every tag that has one."""
        return tuple(self._now.values())

    def hear(self, hearer: Hears) -> None:
        """Call ``hearer`` with all readings to come."""
        self._hearers.append(hearer)

    def update(self, readings: Sequence[Reading]) -> None:
        """Take new readings; those of tags the table does not have are dropped.

        What is derived from them moves in the same call.
        """
        known = [reading for reading in readings if reading.tag in self.tags]
        for reading in known:
            self._now[reading.tag] = reading
        for reading in self._derived.readings(known, self._now.get):
            self._now[reading.tag] = reading
            known.append(reading)
        if known:
            for hearer in self._hearers:
                hearer(known)
