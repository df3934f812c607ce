"""Callers that go on calling while services restart, and count what did not go well.

``load`` runs them as a program of their own, so that who restarts the services may wait
for them. Each asks one thing again and again, by WAMP or by REST, and repeats what
fails because nobody answers, until its patience ends: that call has failed for good.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError
from twisted.web.client import ResponseFailed

from heddle.contract.declare import StorageUnavailable, project_realm
from heddle.contract.devices import LIST_DEVICES, ListDevices
from heddle.contract.fleet import LABEL_DEVICE, LabelDevice
from heddle.contract.flows import LIST_INSTALLED, ListInstalled
from heddle.contract.history import LATEST, LatestQuery
from heddle.local.folder import ADMIN, DEVICE, PROJECT, Folder
from heddle.wamp.joining import Joined, KeyCredentials, Unreachable
from heddle.wamp.keys import load_key
from heddle.wamp.session import CallTimedOut, ConnectionLost, NotServed, Session
from tests.support.rest import Rest
from tests.support.stack import ROOT, RunningStack, eventually

PAUSE_S, RETRY_S = 0.1, 0.1
TRY_AGAIN = (408, 429, 502, 503, 504)
DEVICES = "/api/v1/devices"
KEY = "HEDDLE_CALLERS_KEY"  # the environment variable that holds the API key


class NotNow(Exception):
    """The API says: try again."""


_AGAIN = (
    *(NotServed, ConnectionLost, CallTimedOut, StorageUnavailable, Unreachable),
    *(NotNow, ConnectError, ResponseFailed),
)


@dataclass
class Figure:
    """How the calls of one kind went."""

    calls: int = 0
    repeated: int = 0  # of them, at least once
    longest_s: float = 0.0  # from a call's first failure to its answer
    failed: list[str] = field(default_factory=list)


class Caller:
    """Asks one thing, again and again."""

    def __init__(
        self, clock: Any, ask: Callable[[], Awaitable[object]], patience_s: float
    ) -> None:
        self._clock = clock
        self._ask = ask
        self._patience_s = patience_s
        self.figure = Figure()

    async def work(self, is_over: Callable[[], bool]) -> None:
        """Until it is over."""
        while not is_over():
            await self._once()
            await task.deferLater(self._clock, PAUSE_S)

    async def _once(self) -> None:
        self.figure.calls += 1
        failing_since_s: float | None = None
        while True:
            try:
                await self._ask()
                break
            except _AGAIN as error:
                now_s = self._clock.seconds()
                if failing_since_s is None:
                    failing_since_s = now_s
                    self.figure.repeated += 1
                if now_s - failing_since_s > self._patience_s:
                    self.figure.failed.append(f"{type(error).__name__}: {error}")
                    break
                await task.deferLater(self._clock, RETRY_S)
        if failing_since_s is not None:
            took_s = self._clock.seconds() - failing_since_s
            self.figure.longest_s = round(max(self.figure.longest_s, took_s), 2)


class Line:
    """A session in the project that is joined anew once it is lost."""

    def __init__(self, reactor: Any, folder: Folder) -> None:
        self._reactor = reactor
        self._folder = folder
        self._joined: Joined | None = None
        self._session: Session | None = None

    async def call(self, procedure: Any, request: Any, **ids: str) -> object:
        """Call a procedure."""
        if self._session is None:
            self._joined = Joined(
                self._reactor,
                self._folder.read_stack().router,
                project_realm(PROJECT),
                KeyCredentials(load_key(self._folder.key(ADMIN))),
            )
            self._session = await self._joined.__aenter__()
        try:
            return await self._session.call(procedure, request, **ids)
        except ConnectionLost:
            self._session = None
            raise

    async def end(self) -> None:
        """Leave."""
        if self._joined is not None:
            await self._joined.__aexit__()


async def by_rest(rest: Rest, method: str, path: str, body: object = None) -> None:
    """Ask the API."""
    reply = await rest.ask(method, path, body)
    if reply.status in TRY_AGAIN:
        raise NotNow(f"{reply.status} {reply.body[:200]!r}")
    if reply.status >= 400:
        raise AssertionError(f"{method} {path}: {reply.status} {reply.body!r}")


async def call_on(reactor: Any, data: Path, api: str, patience_s: float) -> None:
    """Call until told to end; then print the figures."""
    over: list[bool] = []
    await task.deferLater(reactor, 0)  # it has its own way with signals until it runs
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    lines = [Line(reactor, Folder(data)) for _ in range(4)]
    rest = Rest(reactor, api)
    rest.bearer = os.environ[KEY]
    one, two, three, four = (line.call for line in lines)
    label = {"set": {"rolled": "over"}}
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "read of the backend": lambda: one(LIST_DEVICES, ListDevices()),
        "write of the backend": lambda: two(
            LABEL_DEVICE, LabelDevice(device=DEVICE, set={"rolled": "on"})
        ),
        "read of fleetdata": lambda: three(LATEST, LatestQuery(device=DEVICE)),
        "read of a device": lambda: four(
            LIST_INSTALLED, ListInstalled(), device=DEVICE
        ),
        "read by REST": lambda: by_rest(rest, "GET", DEVICES),
        "write by REST": lambda: by_rest(
            rest, "PATCH", f"{DEVICES}/{DEVICE}/labels", label
        ),
    }
    callers = {name: Caller(reactor, ask, patience_s) for name, ask in asked.items()}
    click.echo("calling", err=True)
    await gatherResults(
        [
            Deferred.fromCoroutine(caller.work(lambda: bool(over)))
            for caller in callers.values()
        ],
        consumeErrors=True,
    )
    for line in lines:
        await line.end()
    found = {name: asdict(caller.figure) for name, caller in callers.items()}
    click.echo(json.dumps(found))


@contextmanager
def load(stack: RunningStack, patience_s: float) -> Iterator[dict[str, dict[str, Any]]]:
    """The callers as a program, for the length of a ``with``; afterwards the dict holds
    their figures, by what they asked.
    """
    figures: dict[str, dict[str, Any]] = {}
    key = stack.ask("key", "create", "callers", "--role", "operator")["token"]
    words = [str(stack.data), stack.api.removesuffix("/api/v1"), str(patience_s)]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:

        def said() -> str:
            errors.seek(0)
            return errors.read()

        process = subprocess.Popen(
            [sys.executable, "-m", "tests.upgrade.callers", *words],
            env={**os.environ, KEY: key},
            stdout=out,
            stderr=errors,
            cwd=ROOT,
        )
        try:
            eventually(lambda: "calling" in said(), "the callers call")
            yield figures
            process.send_signal(signal.SIGTERM)
            code = process.wait(patience_s + 60)
            assert code == 0, said()
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        figures.update(json.loads(out.read()))


def main(data: str, api: str, patience_s: str) -> None:
    """The program."""
    task.react(
        lambda reactor: Deferred.fromCoroutine(
            call_on(reactor, Path(data), api, float(patience_s))
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
