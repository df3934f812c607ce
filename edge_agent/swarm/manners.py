"""What is done to a member's link, by its manner."""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import deferLater

from edge_agent.swarm.line import BadLine, Line
from edge_agent.swarm.parts import Manner, Part
from edge_agent.swarm.turnstile import Turnstile

LOOK_EVERY_S = 0.25


def line_of(
    reactor: Any,
    part: Part,
    turnstile: Turnstile | None,
    is_through: Callable[[], bool],
) -> Line:
    """The line of a member; a bad one, unless it is steady."""
    match part.manner:
        case Manner.STEADY:
            return Line(reactor, turnstile, is_through)
        case Manner.SLOW:
            return BadLine(reactor, turnstile, is_through, latency_s=part.latency_s)
        case Manner.FLAPPING | Manner.MUTE:
            return BadLine(reactor, turnstile, is_through)


async def misbehave(
    clock: Any, part: Part, line: BadLine, is_online: Callable[[], bool]
) -> None:
    """Ill-treat the link for ever, or once for all."""

    async def until_online() -> None:
        while not is_online():
            await deferLater(clock, LOOK_EVERY_S)

    match part.manner:
        case Manner.MUTE:
            await until_online()
            line.hush()
        case Manner.FLAPPING:
            for holds_s, away_s in part.flaps():
                await until_online()
                await deferLater(clock, holds_s)
                line.cut()
                await deferLater(clock, away_s)
                line.mend()
        case Manner.STEADY | Manner.SLOW:
            pass
