"""Lists that fit into one message; the rest is asked for by the last id."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

T = TypeVar("T")

PAGE_BYTES = 800_000  # in one reply; the router carries 1 MB


def fitting(items: Sequence[T]) -> tuple[T, ...]:
    """As many of them, from the first on, as one message carries; one at least."""
    room = PAGE_BYTES
    for number, item in enumerate(items):
        room -= len(msgspec.json.encode(item))
        if room < 0 and number:
            return tuple(items[:number])
    return tuple(items)
