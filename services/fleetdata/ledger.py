"""The ledger's one rule: what of a batch is new, given what is committed already.

A stream's items are numbered from 0 without gaps. Everything below the stream's cursor
is stored; so a batch is a repeat, partly new, new, or it leaves a gap.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class New:
    """Store all but the first ``skip`` items; then the cursor is ``next_number``."""

    skip: int
    next_number: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """Everything is stored already: acknowledge up to ``next_number``."""

    next_number: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Items are missing before this batch, from ``wanted`` on."""

    wanted: int


def settle(next_number: int, first: int, count: int) -> New | Repeat | Gap:
    """Judge the items ``first`` to ``first + count - 1`` against the cursor.

    A batch of no items is a question: acknowledged with the cursor if it leaves no gap.
    """
    if first > next_number:
        return Gap(next_number)
    if first + count <= next_number:
        return Repeat(next_number)
    return New(next_number - first, first + count)
