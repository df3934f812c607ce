"""Waiting for the answer to a setpoint among all that comes in on its own."""

import asyncio
from collections.abc import Callable

from edge_agent.drivers.linked import Raw

ANSWER_WITHIN_S = 5.0

Fits = Callable[[Raw], bool]


class Echoes:
    """Who waits for which tag."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[Fits, asyncio.Future[None]]]] = {}

    def heard(self, raw: Raw) -> None:
        """Wake those whom it answers."""
        for fits, done in self._waiting.get(raw.tag, ()):
            if not done.done() and fits(raw):
                done.set_result(None)

    def expect(self, tag: str, fits: Fits) -> asyncio.Future[None]:
        """From now on; hand it to ``came``."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tag, []).append((fits, done))
        done.add_done_callback(lambda _: self._forget(tag, done))
        return done

    @staticmethod
    async def came(answer: asyncio.Future[None]) -> bool:
        """Whether it came in time."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await answer
        except TimeoutError:
            return False
        return True

    def _forget(self, tag: str, done: asyncio.Future[None]) -> None:
        left = [each for each in self._waiting.get(tag, ()) if each[1] is not done]
        if left:
            self._waiting[tag] = left
        else:
            self._waiting.pop(tag, None)
