"""Strongly connected components of a graph (Tarjan), without recursion."""

from collections.abc import Iterator, Sequence


def components(successors: Sequence[Sequence[int]]) -> list[list[int]]:
    """The components; one comes after every component it leads to."""
    return list(_Tarjan(successors).run())


class _Tarjan:
    def __init__(self, successors: Sequence[Sequence[int]]) -> None:
        self._successors = successors
        self._order: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._open: list[int] = []
        self._is_open: set[int] = set()

    def run(self) -> Iterator[list[int]]:
        for root in range(len(self._successors)):
            if root not in self._order:
                yield from self._visit(root)

    def _enter(self, node: int) -> tuple[int, Iterator[int]]:
        self._order[node] = self._low[node] = len(self._order)
        self._open.append(node)
        self._is_open.add(node)
        return node, iter(self._successors[node])

    def _visit(self, root: int) -> Iterator[list[int]]:
        trail = [self._enter(root)]
        while trail:
            node, ahead = trail[-1]
            fresh = self._look(node, ahead)
            if fresh is not None:
                trail.append(self._enter(fresh))
                continue
            trail.pop()
            if trail:
                parent = trail[-1][0]
                self._low[parent] = min(self._low[parent], self._low[node])
            if self._low[node] == self._order[node]:
                yield self._close(node)

    def _look(self, node: int, ahead: Iterator[int]) -> int | None:
        """The next successor never entered; the others lower ``node`` if open."""
        for successor in ahead:
            if successor not in self._order:
                return successor
            if successor in self._is_open:
                self._low[node] = min(self._low[node], self._order[successor])
        return None

    def _close(self, node: int) -> list[int]:
        members: list[int] = []
        while not members or members[-1] != node:
            members.append(self._open.pop())
        self._is_open.difference_update(members)
        return members
