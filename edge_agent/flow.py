"""One installed flow: keeps its engine up, and its link to it.

The keeper starts the engine, connects, and starts over when the link breaks: at once
the first time, then slower and slower, so that an engine that cannot live costs
nothing. An engine that hangs is ended and replaced. Whatever the engine's fate, its
journal decides what its runs are; the flow remembers only which of them are active.
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
from edge_agent.link import EngineLink, connect
from edge_agent.outbox import OutboxFailed
from edge_agent.pulse import Pulse
from edge_agent.runtime.runtime import EngineFailed, Runtime
from edge_agent.shelf import Wanted
from edge_agent.tags import TagTable
from edge_agent.watched import Watched
from heddle.contract.flows import FlowState, InstalledFlow
from heddle.contract.runs import EngineUnavailable, RunEvents, RunReport, RunStatus
from heddle.wamp.spawn import spawn

log = Logger()

RETRIES_S = (0.0, 0.5, 2.0, 5.0, 15.0, 30.0)
FAILED_AFTER = 3  # ends in a row
STABLE_AFTER_S = 30.0
CONNECT_WITHIN_S = 20.0
CONNECT_EVERY_S = 0.05
SILENT_AFTER_S = 30.0
KEEP_RETRY_S = 5.0

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


class Flow:
    """A wanted flow and the engine that serves it."""

    def __init__(
        self,
        reactor: Any,
        wanted: Wanted,
        directory: Path,
        *,
        now_s: Callable[[], float],
        runtime: Runtime,
        tags: TagTable,
        duties: Duties,
        silent_after_s: float = SILENT_AFTER_S,
    ) -> None:
        self._reactor = reactor
        self.wanted = wanted
        self._directory = directory
        self._runtime = runtime
        self._tags = tags
        self._duties = duties
        self._silent_after_s = silent_after_s
        self._alerting = alert_dispatchers(wanted.definition)
        self._link: EngineLink | None = None
        self._keeper: Deferred[None] | None = None
        self._settled: list[Deferred[None]] = []
        self._turns = DeferredLock()  # queues: starts and replacements,
        self._keeping = DeferredLock()  # events in order,
        self._commands = DeferredLock()  # one command of a phase at a time
        self._readings = Watched(reactor, now_s, tags, self._send_readings)
        self._state, self._detail, self._label = FlowState.STARTING, "", ""
        self.active: set[str] = set()
        self.runs: set[str] = set()

    @property
    def report(self) -> InstalledFlow:
        """How the flow stands."""
        return InstalledFlow(
            flow=self.wanted.flow,
            version=self.wanted.version,
            runtime=self._runtime.kind,
            state=self._state,
            detail=self._detail,
            engine=self._label,
        )

    def start(self) -> None:
        """Bring the engine up and keep it up."""
        self._keeper = Deferred.fromCoroutine(self._keep())
        _ = self._keeper.addErrback(self._keeper_ended)

    async def let_go(self) -> None:
        """Leave the engine alone; it may go on without us."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
        self._unlink()
        self._settle()

    async def stop(self) -> None:
        """End the engine, once what it told is kept."""
        with suppress(defer.TimeoutError):
            await self._keeping.acquire().addTimeout(KEEP_RETRY_S, self._reactor)
            self._keeping.release()
        await self.let_go()
        await self._runtime.stop(self.wanted.flow)

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
                    + (f": {self._detail}" if self._detail else "; try again shortly")
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
        ends = 0
        while True:
            try:
                since = self._reactor.seconds()
                await self._live()
                stable = self._reactor.seconds() - since >= STABLE_AFTER_S
                ends = 1 if stable else ends + 1
                why = (await self._runtime.state(self.wanted.flow)).detail
            except (EngineFailed, EngineUnavailable) as error:
                ends, why = ends + 1, str(error)
            self._fell(ends, why)
            await deferLater(self._reactor, RETRIES_S[min(ends, len(RETRIES_S)) - 1])

    def _fell(self, ends: int, why: str) -> None:
        if ends < FAILED_AFTER:
            self._become(FlowState.STARTING, why)
            log.warn(
                "{flow}: its engine is gone; restarting it: {why}",
                flow=self.wanted.flow,
                why=why or "it said nothing",
            )
            return
        if self._state is not FlowState.FAILED:
            log.warn(
                "{flow}: its engine ended {n} times in a row, retrying ever slower:"
                " {why}",
                flow=self.wanted.flow,
                n=ends,
                why=why or "it said nothing",
            )
        self._become(FlowState.FAILED, why or "the engine ends without a word")

    async def _live(self) -> None:
        """One life of the link, from start to loss."""
        started = await self._runtime.start(self.wanted.flow, self._directory)
        link, welcome = await self._connect()
        self._link, self._label = link, started.label
        pulse = Pulse(self._reactor, link, self._silent_after_s)
        try:
            self._readings.want(welcome)
            self._send_readings(self._readings.all())
            self.note(await link.request(Status()))
            self._become(FlowState.READY)
            log.info(
                "{flow} version {version} is ready ({label}, {n} active runs)",
                flow=self.wanted.flow,
                version=welcome.version,
                label=started.label,
                n=len(self.active),
            )
            await link.lost
        finally:
            pulse.stop()
            self._unlink()
        if pulse.silent:
            await self._runtime.stop(self.wanted.flow)  # make it anew
            raise EngineUnavailable(
                f"the engine of flow {self.wanted.flow!r} hung: it said nothing for "
                f"{self._silent_after_s:g} s"
            )

    async def _connect(self) -> tuple[EngineLink, Welcome]:
        """Knock until the engine opens. Raises ``EngineUnavailable`` if it won't."""
        give_up_at = self._reactor.seconds() + CONNECT_WITHIN_S
        tries = 0
        while True:
            link = EngineLink(self._reactor, self.wanted.flow, self)
            try:
                return link, await connect(self._reactor, self._directory, link)
            except EngineUnavailable:
                tries += 1
            if self._reactor.seconds() > give_up_at:
                await self._runtime.stop(self.wanted.flow)  # it hangs: make it anew
                raise EngineUnavailable(
                    f"the engine of flow {self.wanted.flow!r} did not open its socket "
                    f"in {CONNECT_WITHIN_S:g} s"
                )
            if tries % 5 == 0:
                state = await self._runtime.state(self.wanted.flow)
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

    def _settle(self) -> None:
        waiting, self._settled = self._settled, []
        for each in waiting:
            if not each.called:
                each.callback(None)

    def _send_readings(self, readings: Readings) -> None:
        if self._link is not None:
            self._link.send(readings)
