"""What is asked together: few requests for many places.

Modbus reads a run of addresses at once, and a request costs a round trip: places that
lie near each other are read together, with the unused ones between them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span(Generic[T]):
    """A run of addresses that one thing takes."""

    start: int
    count: int
    of: T

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.start + self.count


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """One request: a run of addresses, and the spans that lie in it."""

    spans: tuple[Span[T], ...]

    @property
    def start(self) -> int:
        """Its first address."""
        return self.spans[0].start

    @property
    def count(self) -> int:
        """How many addresses it reads."""
        return max(span.end for span in self.spans) - self.start

    def halves(self, limit: int, max_gap: int) -> tuple["Ask[T]", ...]:
        """The same in two or more requests; nothing for what cannot be parted."""
        middle = len(self.spans) // 2
        if middle == 0:
            return ()
        first, second = self.spans[:middle], self.spans[middle:]
        return grouped(first, limit, max_gap) + grouped(second, limit, max_gap)


def grouped(spans: Iterable[Span[T]], limit: int, max_gap: int) -> tuple[Ask[T], ...]:
    """As few requests as can be: each of at most ``limit`` addresses, and nowhere
    more than ``max_gap`` unused ones in a row. No span may be longer than ``limit``.
    """
    asks: list[Ask[T]] = []
    together: list[Span[T]] = []
    end = 0
    for span in sorted(spans, key=_place):
        far = together and (
            span.start - end > max_gap or max(end, span.end) - together[0].start > limit
        )
        if far:
            asks.append(_ask(together))
            together = []
        end = max(end, span.end) if together else span.end
        together.append(span)
    if together:
        asks.append(_ask(together))
    return tuple(asks)


def _ask(spans: Sequence[Span[T]]) -> Ask[T]:
    return Ask(tuple(spans))


def _place(span: Span[T]) -> tuple[int, int]:
    return span.start, span.end
