"""A peer of a driver as a process of its own: told what to do by JSON lines.

``python -m MODULE PORT ARGS`` prints a line as soon as it serves; then it does what
each line on its stdin says and prints the answer. It can be killed, started again at
the same port, and made silent: its connections stay open and nothing answers.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.ports import free_port


async def obey(do: Callable[[dict[str, Any]], Awaitable[Any]]) -> None:
    """The peer's side: say that it serves, then do what it is told, to the end."""

    def say(what: Any) -> None:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()

    say("serving")
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        say(await do(json.loads(line)))


class PeerProcess:
    """One peer; a context that ends it."""

    def __init__(self, module: str, *args: str) -> None:
        self.port = free_port()
        self._words = [sys.executable, "-m", module, str(self.port), *args]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "PeerProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._process = subprocess.Popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def tell(self, **order: Any) -> Any:
        """Give an order; what it answers."""
        process = self._running()
        assert process.stdin is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        return self._answer()

    def freeze(self) -> None:
        """Make it silent, with its connections open."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it speak again."""
        self._running().send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word to anybody."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _running(self) -> "subprocess.Popen[str]":
        assert self._process is not None, "the peer does not run"
        return self._process

    def _answer(self) -> Any:
        process = self._running()
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the peer ended with {process.wait()}"
        return json.loads(line)
