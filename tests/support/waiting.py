"""Waiting for what another session will bring about, with the reactor running.

A wait ends as soon as there is what it waits for; its limit is for what never comes,
and long enough for the slowest machine.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.task import deferLater

from heddle.contract.declare import FleetError

WITHIN_S = 60.0


async def until(
    reactor: Any,
    look: Callable[[], Awaitable[bool]],
    within_s: float = WITHIN_S,
    every_s: float = 0.05,
) -> None:
    """Ask until the answer is yes; a declared error counts as no until time is up."""
    deadline = reactor.seconds() + within_s
    while True:
        try:
            if await look():
                return
            flaw: FleetError | None = None
        except FleetError as error:
            flaw = error
        if reactor.seconds() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {flaw or look}")
        await deferLater(reactor, every_s)


async def becomes(
    reactor: Any,
    look: Callable[[], object],
    wanted: object = True,
    within_s: float = WITHIN_S,
) -> None:
    """Look until it is what is wanted; tells what it was instead if it never is."""
    deadline = reactor.seconds() + within_s
    while (found := look()) != wanted:
        if reactor.seconds() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {found!r} != {wanted!r}")
        await deferLater(reactor, 0.01)
