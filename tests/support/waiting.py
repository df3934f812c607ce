"""Waiting for what another session will bring about, with the reactor running."""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.task import deferLater

from heddle.contract.declare import FleetError


async def until(
    reactor: Any,
    look: Callable[[], Awaitable[bool]],
    within_s: float = 10.0,
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
