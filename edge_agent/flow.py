"""One installed flow: keeps the link to its engine, and takes over what that tells.

The keeper waits until the engine is up, connects, and tells when the link breaks or the
engine hangs, so that it is brought up again: at once the first time, then later and
later. Whatever the engine's fate, its journal decides what its runs are; the flow
remembers only which of them are active.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from edge_agent.alerts import Alert, alert_dispatchers, alerts
from edge_agent.drivers.driver import Reading
from edge_agent.engine.protocol import (
    Acked,
    Command,
    Events,
    Execute,
    Executed,
    Readings,
    Status,
    Welcome,
)
from edge_agent.link import Dial, EngineLink, connect
from edge_agent.outbox import OutboxFailed
from edge_agent.pulse import Pulse
from edge_agent.reconcile.setbacks import Setback
from edge_agent.runtime.runtime import EngineFailed, EngineState
from edge_agent.shelf import Wanted
from edge_agent.tags import TagTable
from edge_agent.watched import Watched
from heddle.contract.flows import FlowState, InstalledFlow
from heddle.contract.flows import Runtime as Kind
from heddle.contract.runs import EngineUnavailable, RunEvents, RunReport, RunStatus
from heddle.wamp.spawn import spawn

log = Logger()

FAILED_AFTER = 3  # failures in a row
CONNECT_WITHIN_S = 20.0
CONNECT_EVERY_S = 0.05
SILENT_AFTER_S = 30.0
KEEP_RETRY_S = 5.0
WORDS_EVERY_S, WORDS_TRIES = 0.25, 8  # a runtime learns of an end a moment later

ENDED = frozenset({RunStatus.FINISHED, RunStatus.TERMINATED})
_ENDING_EVENTS = frozenset({"WORKFLOW_FINISHED", "WORKFLOW_TERMINATED"})


class Duties(Protocol):
    """What a flow needs of the agent."""

    async def keep(self, told: RunEvents, alerts: Sequence[Alert]) -> None:
        """Put events into the outbox, with the alerts that come of them.

        Raises ``OutboxFailed``.
        """
        ...

    async def execute(self, wanted: Execute) -> str | None:
        """Carry out a phase's command once; tells what went wrong."""
        ...


class Keeps(Protocol):
    """Who keeps the engines up."""

    @property
    def kind(self) -> Kind:
        """Where they run."""
        ...

    def up(self, flow: str) -> Deferred[str]:
        """Fires with the engine's label once it runs, fails with ``EngineFailed`` for
        each attempt that fails.
        """
        ...

    def fell(self, flow: str, why: str, *, lived_s: float = 0.0) -> Setback:
        """The engine is gone, or cannot be reached."""
        ...

    def hangs(self, flow: str) -> None:
        """The engine is to be ended before it is brought up again."""
        ...

    def setback(self, flow: str) -> Setback | None:
        """What keeps the engine from running, if anything does."""
        ...

    def told(self, flow: str) -> str:
        """The same in words, with the time of the next attempt."""
        ...

    @property
    def is_away(self) -> bool:
        """Whether the runtime itself does not answer now."""
        ...

    async def state(self, flow: str) -> EngineState:
        """How the engine stands, with its last words."""
        ...


class Flow:
    """A wanted flow and the engine that serves it."""

    def __init__(
        self,
        reactor: Any,
        wanted: Wanted,
        directory: Path,
        *,
        now_s: Callable[[], float],
        engines: Keeps,
        tags: TagTable,
        duties: Duties,
        silent_after_s: float = SILENT_AFTER_S,
        dial: Dial = connect,
    ) -> None:
        self._reactor = reactor
        self.wanted = wanted
        self._directory = directory
        self._engines = engines
        self._tags = tags
        self._duties = duties
        self._silent_after_s = silent_after_s
        self._dial = dial
        self._alerting = alert_dispatchers(wanted.definition)
        self._link: EngineLink | None = None
        self._keeper: Deferred[None] | None = None
        self._is_left = False  # also for a keeper that is told so by its own doing
        self._settled: list[Deferred[None]] = []
        self._turns = DeferredLock()  # queues: starts and replacements,
        self._keeping = DeferredLock()  # events in order,
        self._commands = DeferredLock()  # one command of a phase at a time
        self._readings = Watched(reactor, now_s, tags, self._send_readings)
        self._state, self._detail, self._label = FlowState.STARTING, "", ""
        self.active: set[str] = set()
        self.runs: set[str] = set()
        self.falls = 0  # of its engine, for reasons of its own
        self.last_fall = ""
        self.on_move: Callable[[], None] = _nobody

    @property
    def state(self) -> FlowState:
        """How it stands."""
        return self._state

    @property
    def report(self) -> InstalledFlow:
        """How the flow stands."""
        return InstalledFlow(
            flow=self.wanted.flow,
            version=self.wanted.version,
            runtime=self._engines.kind,
            state=self._state,
            detail=self._told,
            engine=self._label,
            content_hash=self.wanted.content_hash,
            restarts=self.falls,
            last_fall=self.last_fall,
        )

    @property
    def _told(self) -> str:
        if self._state in (FlowState.READY, FlowState.STOPPED):
            return self._detail
        return self._engines.told(self.wanted.flow) or self._detail

    def start(self) -> None:
        """Bring the engine up and keep it up, if it shall run."""
        if not self.wanted.running:
            self._become(FlowState.STOPPED, "it is installed to be at rest")
            return
        self._keeper = Deferred.fromCoroutine(self._keep())
        _ = self._keeper.addErrback(self._keeper_ended)

    async def let_go(self) -> None:
        """Leave the engine alone; it may go on without us."""
        self._is_left = True
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
        self._unlink()
        self._settle()

    async def part(self) -> None:
        """Leave the engine alone for good, once what it told is kept."""
        with suppress(defer.TimeoutError):
            await self._keeping.acquire().addTimeout(KEEP_RETRY_S, self._reactor)
            self._keeping.release()
        await self.let_go()

    def settled(self) -> Deferred[None]:
        """Fires when the engine answers or has failed; at once if that is so."""
        waiting: Deferred[None] = Deferred()
        if self._state is FlowState.STARTING:
            self._settled.append(waiting)
        else:
            waiting.callback(None)
        return waiting

    def ask(self, command: Command) -> Deferred[tuple[RunReport, ...]]:
        """Have the engine do something. Raises its refusal or ``EngineUnavailable``."""
        link = self._link
        if link is None:
            answer: Deferred[tuple[RunReport, ...]] = Deferred()
            answer.errback(
                EngineUnavailable(
                    f"the engine of flow {self.wanted.flow!r} is {self._state.value}"
                    + (f": {self._told}" if self._told else "; try again shortly")
                )
            )
            return answer
        return link.request(command)

    def note(self, reports: Sequence[RunReport]) -> None:
        """Remember which runs there are and which are active."""
        for report in reports:
            self.runs.add(report.run)
            if report.status in ENDED:
                self.active.discard(report.run)
            else:
                self.active.add(report.run)

    async def active_runs(self) -> tuple[str, ...]:
        """The active runs: what the engine says, else what was last known."""
        with suppress(EngineUnavailable):
            self.note(await self.ask(Status()))
        return tuple(sorted(self.active))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Starting a run and replacing the flow take turns."""
        await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    def heard(self, readings: Sequence[Reading]) -> None:
        """Tags moved; the engine is told of those its conditions read."""
        self._readings.heard(readings)

    # --- what the engine says unasked ------------------------------------------------

    def events(self, told: Events) -> None:
        """Events of a run: keep them, then let the engine forget them."""
        self.runs.add(told.run)
        if any(event.type in _ENDING_EVENTS for event in told.events):
            self.active.discard(told.run)
            self.on_move()
        spawn(self._take_over(told), "keeping events of run {run}", run=told.run)

    def execute(self, wanted: Execute) -> None:
        """A command: carry it out after those before it."""
        spawn(
            self._carry_out(wanted),
            "command {number} of run {run}",
            run=wanted.run,
            number=wanted.number,
        )

    async def _take_over(self, told: Events) -> None:
        await self._keeping.acquire()
        try:
            kept = await self._kept(
                RunEvents(
                    run=told.run,
                    flow=told.flow,
                    version=told.version,
                    events=told.events,
                )
            )
        finally:
            self._keeping.release()
        if kept and self._link is not None and told.events:
            self._link.send(Acked(run=told.run, next_number=told.events[-1].number + 1))

    async def _kept(self, told: RunEvents) -> bool:
        """Put events into the outbox, however often it takes; the engine keeps them
        too, so that giving up when the flow is let go loses nothing.
        """
        while self._keeper is not None:
            try:
                await self._duties.keep(told, alerts(told, self._alerting))
            except OutboxFailed as error:
                log.warn("{error}; trying again", error=str(error))
                await deferLater(self._reactor, KEEP_RETRY_S)
            else:
                return True
        return False

    async def _carry_out(self, wanted: Execute) -> None:
        await self._commands.acquire()
        try:
            error = await self._duties.execute(wanted)
        finally:
            self._commands.release()
        if self._link is not None:
            self._link.send(Executed(run=wanted.run, number=wanted.number, error=error))

    # --- the keeper ------------------------------------------------------------------

    def _keeper_ended(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.failure("keeping {flow} ended", failure, flow=self.wanted.flow)
            self._become(FlowState.FAILED, "a defect; see the agent's log")

    async def _keep(self) -> None:
        flow = self.wanted.flow
        while not self._is_left:
            since_s = self._reactor.seconds()
            try:
                label = await self._engines.up(flow)
                since_s = self._reactor.seconds()
                await self._live(label)
                why = await self._last_words()
            except EngineUnavailable as error:
                why = str(error)
            except EngineFailed as error:  # an attempt, and counted as one
                self._fell(str(error))
                continue
            lived_s = self._reactor.seconds() - since_s
            self._engines.fell(flow, why or "it said nothing", lived_s=lived_s)
            self._fell(why or "it said nothing")

    async def _last_words(self) -> str:
        """Why the link broke, as far as the runtime knows; it may learn of it later."""
        for _ in range(WORDS_TRIES):
            state = await self._engines.state(self.wanted.flow)
            if state.detail or not state.running:
                return state.detail
            await deferLater(self._reactor, WORDS_EVERY_S)
        return ""

    def _fell(self, why: str) -> None:
        setback = self._engines.setback(self.wanted.flow)
        failures = setback.failures if setback is not None else 1
        if not self._engines.is_away:
            self.falls += 1
            self.last_fall = why
        if failures < FAILED_AFTER:
            self._become(FlowState.STARTING, why)
            log.warn(
                "{flow}: its engine is gone; restarting it: {why}",
                flow=self.wanted.flow,
                why=why,
            )
            return
        if self._state is not FlowState.FAILED:
            log.warn(
                "{flow}: its engine failed {n} times in a row, tried ever later: {why}",
                flow=self.wanted.flow,
                n=failures,
                why=why,
            )
        self._become(FlowState.FAILED, why)

    async def _live(self, label: str) -> None:
        """One life of the link, from start to loss."""
        link, welcome = await self._connect()
        if welcome.version != self.wanted.version:
            link.close()
            raise EngineUnavailable(
                f"the engine answers as version {welcome.version}, "
                f"not {self.wanted.version}"
            )
        self._link, self._label = link, label
        pulse = Pulse(self._reactor, link, self._silent_after_s)
        try:
            self._readings.want(welcome)
            self._send_readings(self._readings.all())
            self.note(await self._first_answer(link))
            self._become(FlowState.READY)
            log.info(
                "{flow} version {version} is ready ({label}, {n} active runs)",
                flow=self.wanted.flow,
                version=welcome.version,
                label=label,
                n=len(self.active),
            )
            await link.lost
        finally:
            pulse.stop()
            self._unlink()
        if pulse.silent:
            self._engines.hangs(self.wanted.flow)
            raise EngineUnavailable(
                f"the engine of flow {self.wanted.flow!r} hung: it said nothing for "
                f"{self._silent_after_s:g} s"
            )

    async def _first_answer(self, link: EngineLink) -> tuple[RunReport, ...]:
        try:
            return await link.request(Status())
        except EngineUnavailable as error:
            why = await self._last_words()
            raise EngineUnavailable(why or str(error)) from None

    async def _connect(self) -> tuple[EngineLink, Welcome]:
        """Knock until the engine opens. Raises ``EngineUnavailable`` if it won't."""
        give_up_at = self._reactor.seconds() + CONNECT_WITHIN_S
        tries = 0
        while True:
            link = EngineLink(self._reactor, self.wanted.flow, self)
            try:
                return link, await self._dial(self._reactor, self._directory, link)
            except EngineUnavailable:
                tries += 1
            if self._reactor.seconds() > give_up_at:
                self._engines.hangs(self.wanted.flow)
                raise EngineUnavailable(
                    f"the engine of flow {self.wanted.flow!r} did not open its socket "
                    f"in {CONNECT_WITHIN_S:g} s"
                )
            if tries % 5 == 0:
                state = await self._engines.state(self.wanted.flow)
                if not state.running:
                    raise EngineUnavailable(state.detail or "the engine ended")
            await deferLater(self._reactor, CONNECT_EVERY_S)

    def _unlink(self) -> None:
        link, self._link = self._link, None
        self._readings.stop()
        if link is not None:
            link.close()

    def _become(self, state: FlowState, detail: str = "") -> None:
        self._state, self._detail = state, detail
        if state is not FlowState.STARTING:
            self._settle()
        self.on_move()

    def _settle(self) -> None:
        waiting, self._settled = self._settled, []
        for each in waiting:
            if not each.called:
                each.callback(None)

    def _send_readings(self, readings: Readings) -> None:
        if self._link is not None:
            self._link.send(readings)


def _nobody() -> None:
    """Nobody wants to know that it moved."""
