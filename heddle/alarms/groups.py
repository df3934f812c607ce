"""First-up: which alarm of a group was the first, when one failure raises many.

A group is at rest while none of its alarms is up (active or latched, and not hidden by
shelving, suppression or service). The first to be up after rest is marked, and stays so
until the group is at rest again.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from heddle.alarms.state import STANDING, Transition


class Groups:
    """Who belongs to which group, who of them is up, who was first."""

    def __init__(self, first: Mapping[str, str]) -> None:
        self._members: dict[str, set[int]] = {}
        self._up: dict[str, set[str]] = {}
        self._first = dict(first)

    def join(self, group: str, index: int, rule: str, up: bool) -> None:
        """An alarm belongs to a group from now on; to none if that is empty."""
        if group:
            self._members.setdefault(group, set()).add(index)
            if up:
                self._up.setdefault(group, set()).add(rule)
                self._first.setdefault(group, rule)

    def leave(self, group: str, index: int, rule: str) -> None:
        """An alarm does so no more."""
        if group:
            self._members[group].discard(index)
            self._down(group, rule)
            if self._first.get(group) == rule:
                del self._first[group]

    def members(self, group: str) -> Iterable[int]:
        """The alarms of a group."""
        return self._members.get(group, ())

    def is_first(self, group: str, rule: str) -> bool:
        """Whether the alarm was the first of its group to be up."""
        return bool(group) and self._first.get(group) == rule

    def first(self) -> dict[str, str]:
        """The first one up of each group that is not at rest."""
        return dict(self._first)

    def mark(self, group: str, transition: Transition) -> Transition:
        """The transition, marked if it is one of the first one up."""
        rule = transition.rule
        if transition.to_state in STANDING:
            up = self._up.setdefault(group, set())
            if not up:
                self._first[group] = rule
            up.add(rule)
        first = self.is_first(group, rule)
        if transition.to_state not in STANDING:
            self._down(group, rule)
        return replace(transition, first=True) if first else transition

    def _down(self, group: str, rule: str) -> None:
        up = self._up.get(group, set())
        up.discard(rule)
        if not up:
            self._first.pop(group, None)
