"""Who reads all the time, by WAMP and by REST, and what no reader may ever see.

Nobody may see stored events of a run become fewer, or with a gap; whatever the gateway
answers is what its contract allows. That there is no answer is allowed while things go
wrong, and counted.
"""

import http.client
import json
import random
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.task import deferLater

from heddle.contract.history import LATEST, RUN_EVENTS, LatestQuery, RunEventsQuery
from heddle.contract.runs import RunEvents
from heddle.local.folder import ADMIN
from heddle.wamp.session import Session
from tests.chaos.happened import Happened
from tests.chaos.people import Person, Work
from tests.chaos.plan import DEVICES
from tests.support.stack import RunningStack

EVERY_S = 0.5
ANSWERS_WITHIN_S = 120.0  # when nothing goes wrong any more
_OVERLAP = 5
_PATHS = ("/devices", "/runs", "/flows", "/deployments")
_FINE, _UNWELL = (200,), (401, 408, 409, 429, 500, 502, 503, 504)


class WampReader:
    """Asks for the latest values and for the stored events of runs."""

    def __init__(self, person: Person, work: Work, happened: Happened) -> None:
        self._person = person
        self._work = work
        self._happened = happened
        self._chance = random.Random(1)  # noqa: S311 -- what is read does not matter
        self._seen: Counter[tuple[str, str]] = Counter()
        self._goes_on = True

    async def read(self) -> None:
        """Until ``stop``."""
        while self._goes_on:
            device = self._chance.choice(DEVICES)
            latest = LatestQuery(device=device)
            await self._person.once(
                lambda s, r=latest: s.call(LATEST, r, timeout_s=10.0)  # type: ignore[misc]
            )
            if runs := self._work.started[device]:
                await self._read_events(device, self._chance.choice(runs[-5:]))
            await deferLater(self._person.reactor, EVERY_S)

    def stop(self) -> None:
        """Read no more."""
        self._goes_on = False

    async def _read_events(self, device: str, run: str) -> None:
        seen = self._seen[device, run]
        query = RunEventsQuery(
            device=device, run=run, first=max(seen - _OVERLAP, 0), limit=500
        )

        async def asked(session: Session) -> RunEvents:
            return await session.call(RUN_EVENTS, query, timeout_s=10.0)

        found = await self._person.once(asked)
        if found is None:
            return
        numbers = [event.number for event in found.events]
        if numbers != list(range(query.first, query.first + len(numbers))):
            self._happened.flaw(
                f"{run} on {device} is read with a gap: {numbers}", time.time()
            )
        elif (there := query.first + len(numbers)) < seen:
            self._happened.flaw(
                f"{run} on {device} had {seen} stored events, and then {there}",
                time.time(),
            )
        else:
            self._seen[device, run] = there


class RestReader:
    """A program with a ticket, in a thread of its own."""

    def __init__(self, stack: RunningStack, happened: Happened) -> None:
        self._stack = stack
        self._happened = happened
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._ticket = ""
        self.statuses: Counter[str] = Counter()
        self.answered_at = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._over.set()
        self._thread.join()

    def answers(self) -> bool:
        """Whether it has an answer of the last seconds."""
        return time.monotonic() - self.answered_at < 5

    def _read(self) -> None:
        n = 0
        while not self._over.wait(EVERY_S):
            try:
                status = self._ask(_PATHS[n % len(_PATHS)])
            except (OSError, http.client.HTTPException):
                self.statuses["no answer"] += 1
                continue
            n += 1
            self.statuses[str(status)] += 1
            if status in _FINE:
                self.answered_at = time.monotonic()
            elif status not in _UNWELL:
                self._happened.flaw(f"REST answered {status}", time.time())

    def _ask(self, path: str) -> int:
        if not self._ticket:
            login = {"user": ADMIN, "password": self._stack.password}
            status, answer = self._request("POST", "/login", login)
            if status != 200:
                return status
            self._ticket = answer["ticket"]
        status, _ = self._request("GET", path)
        if status == 401:
            self._ticket = ""  # its time is over, or the session's
        return status

    def _request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        parts = urlsplit(f"{self._stack.api}{path}")
        link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        headers = {"Content-Type": "application/json"}
        if self._ticket:
            headers["Authorization"] = f"Bearer {self._ticket}"
        try:
            sent = None if body is None else json.dumps(body)
            link.request(method, parts.path, sent, headers)
            reply = link.getresponse()
            content = reply.read()
        finally:
            link.close()
        try:
            return reply.status, json.loads(content)
        except ValueError:
            self._happened.flaw(
                f"REST answered {reply.status} to {path}: {content[:99]!r} is no JSON",
                time.time(),
            )
            return reply.status, None
