"""One chaos run, from an empty folder to its outcome."""

import re
import threading
import time
import traceback
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from tests.chaos.auditor import Audited, Auditor
from tests.chaos.fleet import Fleet, tell
from tests.chaos.happened import Happened
from tests.chaos.memory import Life, Memory
from tests.chaos.misfortune import Misfortune
from tests.chaos.people import Person, Work
from tests.chaos.plan import DEVICES, VIRTUAL, WORKING, Plan
from tests.chaos.readers import ANSWERS_WITHIN_S, RestReader, WampReader
from tests.chaos.releasing import Deployed, Releases

ONLINE_WITHIN_S = 240.0
_LOOK_AFTER_S = 0.3
_DIED = re.compile(r"(\w+) ended \((exit code [1-9]\d*)\)")
_TRACEBACK = re.compile(r"\bTraceback \(most recent call last\):")


@dataclass
class Outcome:
    """How a run went."""

    plan: Plan
    happened: Happened
    took_s: float = 0.0
    audited: Audited | None = None
    deployments: list[Deployed] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    readers: dict[str, int] = field(default_factory=dict)
    ended_by_themselves: list[str] = field(default_factory=list)
    tracebacks: dict[str, int] = field(default_factory=dict)  # by log


class Run:
    """One run; ``outcome`` fills as it goes on."""

    def __init__(self, reactor: Any, fleet: Fleet, plan: Plan, seed: int) -> None:
        self._reactor = reactor
        self._fleet = fleet
        self._plan = plan
        happened = Happened()
        self.outcome = Outcome(plan, happened)
        self._happened = happened
        self._misfortune = Misfortune(fleet, plan, happened)
        self._memory = Memory(fleet.everybody)
        self._person = Person(reactor, fleet.stack)
        self._work = Work(self._person, happened)
        self._releases = Releases(self._person, fleet, happened, seed)
        self._wamp = WampReader(self._person, self._work, happened)
        self._rest = RestReader(fleet.stack, happened)
        self._threads = ThreadPool(0, 4, "chaos")
        self._over = threading.Event()
        self._is_over = False

    async def go(self) -> None:
        """All of it."""
        began_s = time.monotonic()
        self._threads.start()
        try:
            await self._go()
        except Exception as error:  # noqa: BLE001 -- a flaw of the fleet, or our own
            traceback.print_exc()
            self._happened.flaw(f"it ended early: {error!r}", time.time())
        finally:
            self._misfortune.stop()
            await self._person.leave()
            self._threads.stop()
            self._is_over = True
            self.outcome.took_s = round(time.monotonic() - began_s, 1)

    def abandon(self) -> None:
        """Let nothing more go wrong, and start nobody again; ended early is a flaw."""
        self._misfortune.stop()
        self._over.set()
        if not self._is_over:
            self._threads.stop()
            self._happened.flaw("it was ended before its time", time.time())

    async def _go(self) -> None:
        await self._work.prepare()
        await self._releases.first()
        tell(f"the fleet works; misfortune for {self._plan.minutes:g} minutes")
        with self._looked_after():
            reports = await self._suffer()
        tell("comparing")
        auditor = Auditor(self._fleet, self._happened, self._work.started, reports)
        self.outcome.audited = await self._in_thread(auditor.audit)
        self._read_logs()

    async def _suffer(self) -> dict[str, Any]:
        self._memory.start()
        self._rest.start()
        busy = [
            _begun(work)
            for work in (
                *(self._work.keep_running(device) for device in (VIRTUAL, *WORKING)),
                self._releases.keep_deploying(),
                self._wamp.read(),
            )
        ]
        await self._in_thread(self._misfortune.play, tell)
        tell("nothing goes wrong any more; settling")
        await self._settle(busy)
        self._memory.stop()
        self._rest.stop()
        self.outcome.lives = self._memory.lives()
        for life in self.outcome.lives:
            if life.grows:
                self._happened.flaw(
                    f"{life.name} ({life.pid}) grows by {life.slope_mib_per_min} MiB"
                    f" a minute: from {life.first_mib} to {life.last_mib} MiB"
                )
        self.outcome.deployments = self._releases.told
        self.outcome.readers = {
            "wamp asked": self._person.asked,
            "wamp answered": self._person.answered,
            **{f"rest {what}": n for what, n in sorted(self._rest.statuses.items())},
        }
        return {device: await self._work.reports(device) for device in DEVICES}

    async def _settle(self, busy: list[Deferred[None]]) -> None:
        """Everybody is back, and what was begun ends."""
        await self._until_all_online()
        self._work.stop()
        self._releases.stop()
        self._wamp.stop()
        await gatherResults(busy, consumeErrors=True)
        await self._releases.judge()
        await self._work.end_all()
        give_up_at = time.monotonic() + ANSWERS_WITHIN_S
        while not self._rest.answers():
            if time.monotonic() > give_up_at:
                self._happened.flaw("REST does not answer any more", time.time())
                return
            await deferLater(self._reactor, 0.5)

    async def _until_all_online(self) -> None:
        give_up_at = time.monotonic() + ONLINE_WITHIN_S
        while missing := set(DEVICES) - await self._person.online():
            if time.monotonic() > give_up_at:
                names = ", ".join(sorted(missing))
                self._happened.flaw(f"{names} did not come back", time.time())
                return
            await deferLater(self._reactor, 1.0)

    @contextmanager
    def _looked_after(self) -> Iterator[None]:
        """Agents that end by themselves are started again, as by an init."""

        def look() -> None:
            while not self._over.wait(_LOOK_AFTER_S):
                for agent in self._fleet.agents.values():
                    code = agent.look_after()
                    if code is not None:
                        at = time.strftime("%H:%M:%S", time.gmtime())
                        what = f"{agent.device} ended at {at} with exit code {code}"
                        self.outcome.ended_by_themselves.append(what)
                        tell(what)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _read_logs(self) -> None:
        said = self._fleet.folder / f"{self._fleet.stack.data.name}.out"
        for name, how in _DIED.findall(said.read_text(errors="replace")):
            self.outcome.ended_by_themselves.append(f"{name} ended with {how}")
        for log in self._fleet.logs():
            found = len(_TRACEBACK.findall(log.read_text(errors="replace")))
            if found:
                self.outcome.tracebacks[log.name] = found

    def _in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._threads, function, *arguments)


def _begun(work: Awaitable[None]) -> Deferred[None]:
    begun: Deferred[None] = Deferred.fromCoroutine(work)  # type: ignore[arg-type]
    return begun
