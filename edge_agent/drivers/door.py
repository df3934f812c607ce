"""The door to libraries that want an asyncio loop: one thread with one loop for all.

What a peer's library does, however long it takes to decode, never holds up the agent's
reactor. Coroutines run on the loop; results, errors and what they tell come back to the
reactor. Arguments and results cross threads: immutable values only.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError as ThreadCancelled
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred

P = ParamSpec("P")
T = TypeVar("T")


class AsyncioDoor:
    """A thread with an asyncio loop, started when it is first used."""

    def __init__(self, reactor: Any, name: str = "drivers") -> None:
        self._reactor = reactor
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Run it on the loop; fires in the reactor. Cancelling cancels it there."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._started())

        def cancel(_: Deferred[T]) -> None:
            future.cancel()

        told: Deferred[T] = Deferred(cancel)

        def tell() -> None:
            if told.called:
                return
            try:
                result = future.result()
            except (ThreadCancelled, asyncio.CancelledError):
                told.errback(CancelledError())
            except BaseException as error:  # noqa: BLE001 -- it is the caller's
                told.errback(error)
            else:
                told.callback(result)

        def done(_: "Future[T]") -> None:
            self._reactor.callFromThread(tell)

        future.add_done_callback(done)
        return told

    def back(self, hears: Callable[P, None]) -> Callable[P, None]:
        """``hears`` for the loop's side: it is called in the reactor, in order."""

        def tell(*args: P.args, **kwargs: P.kwargs) -> None:
            self._reactor.callFromThread(hears, *args, **kwargs)

        return tell

    def stop(self) -> None:
        """End the loop with all that runs on it, and its thread."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_serve, args=(self._loop,), name=self._name, daemon=True
            )
            self._thread.start()
        return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
