"""The door of a swarm's outboxes: they are written at once, in the reactor's thread.

Their files are not synced, so no write waits for a disk; a thousand hand-overs a second
between threads would cost more than the writes.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, execute

P = ParamSpec("P")
T = TypeVar("T")


class Inline:
    """Calls functions here and now."""

    def start(self) -> None:
        """There is no thread to start."""

    def stop(self) -> None:
        """There is no thread to stop."""

    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """The function's result, or its error, in a Deferred."""
        return execute(function, *args, **kwargs)
