"""Takes up one flow's release, or goes back: one act after the other, as recorded.

It holds no intention of its own: each round begins with the record and with what is
wanted of the flow, so it may be killed before, within or after any act. An order that
comes in the middle changes the record; whatever waits then begins anew.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from edge_agent.deployments.record import (
    Act,
    Record,
    course,
    failing,
    over,
)
from edge_agent.deployments.trials import Trials
from edge_agent.engine.protocol import Status
from edge_agent.engine.protocol import StopRun as EngineStop
from edge_agent.flow import ENDED as ENDED_RUNS
from edge_agent.flow import Flow
from edge_agent.flows import Flows
from edge_agent.reconcile.engines import Engines
from edge_agent.runtime.runtime import EngineFailed
from edge_agent.shelf import HandOver, Kept, Shelf
from heddle.contract.declare import FleetError
from heddle.contract.device_deployments import ActiveRuns, DeviceStage
from heddle.contract.flows import FlowState
from heddle.contract.runs import (
    EngineUnavailable,
    FlowNotInstalled,
    RunAlreadyActive,
    RunExists,
    RunNotFound,
    RunReport,
    StartRun,
    StopMode,
    WrongRunState,
)

log = Logger()

MOST_FALLS = 2  # of an engine that never answered
MOST_FETCHES = 3
LOOK_EVERY_S = 0.5
TRY_AGAIN_S = 5.0


class Keeps(Protocol):
    """Where records are kept."""

    def keep(self, record: Record) -> None:
        """Put it on the disk, and tell of it. Raises ``OSError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Everybody who has a hand in it."""

    clock: Any
    flows: Flows
    engines: Engines
    shelf: Shelf
    trials: Trials
    start_run: Callable[[StartRun], Awaitable[RunReport]]
    keeps: Keeps
    within_s: float  # an engine answers


class Takeover:
    """The deployment of a flow."""

    def __init__(self, crew: Crew, record: Record) -> None:
        self._crew = crew
        self.record = record
        self._work: Deferred[None] | None = None
        self._begins: IDelayedCall | None = None
        self._looks: IDelayedCall | None = None
        self._waiting: Deferred[None] | None = None
        self._poked = False
        self._counted = 0  # falls of the engine that are in the record

    @property
    def flow(self) -> str:
        """Of which flow."""
        return self.record.flow

    def start(self) -> None:
        """Go on from where the record stands, in a moment: answers come first."""
        if self._begins is None:
            self._begins = self._crew.clock.callLater(0, self._begin)

    def stop(self) -> None:
        """Leave everything as it is."""
        for call in (self._begins, self._looks):
            if call is not None:
                call.cancel()
        self._begins = self._looks = None
        work, self._work = self._work, None
        if work is not None:
            work.cancel()

    def _begin(self) -> None:
        self._begins = None
        self.guard()
        if self._work is None:
            self._work = Deferred.fromCoroutine(self._rounds())
            _ = self._work.addErrback(self._broke)
        else:
            self.poke()

    def part(self) -> None:
        """Somebody else decided what becomes of the flow."""
        self.stop()
        self._crew.trials.end(self.flow)
        self._crew.engines.keep(self.flow, None)

    def guard(self) -> None:
        """The former engine is kept as long as it may be needed again."""
        record = self.record
        if record.release is None or record.ends is not None or record.former is None:
            self._crew.engines.keep(self.flow, None)
        else:
            order = self._crew.shelf.order(record.former.wanted)
            self._crew.engines.keep(self.flow, order)

    def become(self, record: Record) -> None:
        """There is an order: this is what stands now, and is on the disk."""
        self.record = record
        self.start()

    def poke(self) -> None:
        """Something moved: look again, before waiting any more."""
        self._poked = True
        self._wake()

    def _moved(self) -> None:
        """A flow moved, and is still about it: look in a moment."""
        if self._looks is None:
            self._looks = self._crew.clock.callLater(0, self._look)

    def _look(self) -> None:
        self._looks = None
        self.poke()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    # --- rounds ----------------------------------------------------------------------

    async def _rounds(self) -> None:
        while True:
            record = self.record
            try:
                await self._perform(
                    course(record, self._crew.flows.wanted(self.flow)), record
                )
            except (FleetError, OSError) as error:
                log.warn("{flow}: {error}", flow=self.flow, error=str(error))
                await self._pause(TRY_AGAIN_S)

    async def _perform(self, act: Act, record: Record) -> None:
        match act:
            case Act.REST:
                self._crew.trials.end(self.flow)
                await self._pause()
            case Act.TRY:
                await self._try(record)
            case Act.TAKE_OVER:
                await self._take_over(record)
            case Act.VERIFY:
                await self._verify(record)
            case Act.WATCH:
                self._crew.trials.end(self.flow)
                await self._watch(record)
            case Act.GO_BACK:
                await self._go_back(record)
            case Act.RETURN:
                await self._return(record)

    async def _try(self, record: Record) -> None:
        """The release beside the former; then wait for the switch."""
        if record.release is None or not await self._fetched(record):
            return
        trial = self._crew.trials.begin(record.release.wanted)
        why = await self._judged(trial, record)
        if why is None:
            return
        if why:
            self._fail(record, f"tried beside the former release, {why}")
        elif record.stage is not DeviceStage.READY:
            self._move(record, stage=DeviceStage.READY, detail="")
        else:
            await self._pause()

    async def _take_over(self, record: Record) -> None:
        """Let the release serve; its image comes first, and the end of runs."""
        if record.release is None or not await self._fetched(record):
            return
        stops = record.active_runs is ActiveRuns.STOP
        if stops and not await self._drained(record):
            return
        wanted = record.release.wanted
        if record.active_runs is ActiveRuns.HAND_OVER:
            wanted = _handing_over(record.release, HandOver.MUST)
        if self.record is record:
            self.guard()
            await self._crew.flows.replace(wanted, only_idle=stops)

    async def _verify(self, record: Record) -> None:
        flow = self._watched()
        why = await self._judged(flow, record)
        if why is None:
            return
        if why:
            self._fail(record, why)
            return
        handed = await self._handed(flow, record)
        if isinstance(handed, FleetError):
            self._fail(record, str(handed))
            return
        self._counted = flow.falls
        self._move(
            record,
            stage=DeviceStage.ACTIVE,
            detail="",
            run=handed or record.run,
            handed=handed is not None,
        )

    async def _watch(self, record: Record) -> None:
        """Until it is settled, an engine that keeps failing goes."""
        flow = self._watched()
        if record.stage is DeviceStage.ACTIVE:
            if flow.state is FlowState.FAILED and not self._crew.engines.is_away:
                why = flow.last_fall or flow.report.detail
                self._fail(record, f"its engine keeps failing: {why}")
                return
            if flow.falls > self._counted:
                more, self._counted = flow.falls - self._counted, flow.falls
                restarts = record.restarts + more
                self._move(record, restarts=restarts, detail=flow.last_fall)
                return
        wait_s = None
        if record.owes_run:
            wait_s = await self._start_run(record)
        if self.record is record:
            await self._pause(wait_s)

    async def _go_back(self, record: Record) -> None:
        crew = self._crew
        await self._end_own_run(record)
        crew.engines.keep(self.flow, None)
        if self.record is not record:
            return
        if record.former is None:
            await crew.flows.withdraw(self.flow)
        elif record.active_runs is ActiveRuns.HAND_OVER:
            await crew.flows.replace(_handing_over(record.former, HandOver.MAY))
        else:
            await crew.flows.replace(record.former.wanted)

    async def _return(self, record: Record) -> None:
        """The former release serves, or none as before: then it has ended."""
        crew, ends = self._crew, record.ends or DeviceStage.REVERTED
        crew.engines.keep(self.flow, None)
        detail = record.detail
        if record.former is not None:
            why = await self._judged(self._watched(), record)
            if why is None:
                return
            if why and ends is DeviceStage.REVERTED:
                told = f"the former release is wanted again, but {why}"
                if record.detail != told:
                    self._move(record, detail=told)
                else:
                    await self._pause(crew.within_s)
                return
            if why:
                detail = f"{detail}; nor does the former release serve: {why}"
            await self._end_own_run(record)
        crew.trials.end(self.flow)
        if ends is DeviceStage.REVERTED:
            detail = ""
        if self.record is record:
            self._change(record, over(record, ends, detail))

    # --- how -------------------------------------------------------------------------

    async def _fetched(self, record: Record) -> bool:
        """Have the release's image here; false if there is something else to do."""
        image = record.release.configuration.image if record.release else ""
        tries = 0
        while self.record is record:
            try:
                if await self._unless_changed(record, self._crew.engines.bring(image)):
                    return True
            except EngineFailed as error:
                if self._crew.engines.is_away:
                    await self._pause(LOOK_EVERY_S)
                    continue
                tries += 1
                if tries >= MOST_FETCHES:
                    self._fail(record, f"its image cannot be had: {error}")
        return False

    async def _unless_changed(self, record: Record, work: Awaitable[None]) -> bool:
        """Whether work was done before there was an order. Raises what it raises."""
        done: list[object] = []

        def note(result: object) -> None:
            done.append(result)
            self._wake()

        async def working() -> None:
            await work

        under_way = Deferred.fromCoroutine(working())
        _ = under_way.addBoth(note)
        try:
            while not done and self.record is record:
                await self._pause()
        finally:
            under_way.cancel()
        if isinstance(done[0], Failure) and self.record is record:
            done[0].raiseException()
        return self.record is record

    async def _drained(self, record: Record) -> bool:
        """End the active runs softly; false if there is something else to do."""
        if self._crew.flows.wanted(self.flow) is None:
            return True
        flow = self._crew.flows.get(self.flow)
        asked: set[str] = set()
        while self.record is record:
            if flow.state in (FlowState.FAILED, FlowState.STOPPED):
                return True  # there is nobody who could end them
            flow.on_move = self._moved
            if flow.state is not FlowState.READY:
                await self._pause()  # nobody knows yet which runs are active
                continue
            active = await flow.active_runs()
            if not active:
                return True
            if record.stage is not DeviceStage.WAITING:
                told = f"run {active[0]} of the former release is ending"
                self._move(record, stage=DeviceStage.WAITING, detail=told)
                return False
            for run in set(active) - asked:
                with suppress(EngineUnavailable, RunNotFound, WrongRunState):
                    await flow.ask(EngineStop(run=run, mode=StopMode.SOFT))
                    asked.add(run)
            await self._pause(LOOK_EVERY_S)
        return False

    async def _judged(self, flow: Flow, record: Record) -> str | None:
        """What is wrong with an engine, once that is clear; empty: it answers. None,
        if there is something else to do.
        """
        flow.on_move = self._moved
        give_up_s = self._crew.clock.seconds() + self._crew.within_s
        while self.record is record:
            if flow.state in (FlowState.READY, FlowState.STOPPED):
                return ""
            if flow.falls >= MOST_FALLS:
                return f"its engine failed: {flow.last_fall}"
            left_s = give_up_s - self._crew.clock.seconds()
            if left_s <= 0:
                told = flow.last_fall or self._crew.engines.told(flow.wanted.flow)
                return f"its engine did not answer in {self._crew.within_s:g} s" + (
                    f": {told}" if told else ""
                )
            await self._pause(left_s)
        return None

    async def _handed(self, flow: Flow, record: Record) -> FleetError | str | None:
        """The run that goes on as the release, if one does and must."""
        if record.active_runs is not ActiveRuns.HAND_OVER:
            return None
        active = [r for r in await flow.ask(Status()) if r.status not in ENDED_RUNS]
        for run in active:
            if run.version != record.version:
                return EngineUnavailable(
                    f"its engine left run {run.run} on version {run.version}: it is "
                    "too old to hand runs over"
                )
        return active[0].run if active else None

    async def _start_run(self, record: Record) -> float | None:
        """Start the deployment's run, once; returns when to try again."""
        try:
            await self._crew.start_run(StartRun(flow=self.flow, run=record.run))
        except RunExists:
            pass
        except RunAlreadyActive as error:
            if error.details.get("run") != record.run:
                told = f"its run starts when run {error.details.get('run')} has ended"
                if record.detail != told:
                    self._move(record, detail=told)
                return None  # the flow tells
        except FleetError as error:
            log.info("{flow}: no run yet: {why}", flow=self.flow, why=str(error))
            return LOOK_EVERY_S
        self._move(record, started=True, detail="")
        return None

    async def _end_own_run(self, record: Record) -> None:
        """A run that only this deployment started goes with it."""
        if record.handed or not record.run:
            return
        with suppress(FlowNotInstalled, EngineUnavailable, RunNotFound, WrongRunState):
            flow = self._crew.flows.get(self.flow)
            flow.note(await flow.ask(EngineStop(run=record.run, mode=StopMode.HARD)))

    def _watched(self) -> Flow:
        flow = self._crew.flows.get(self.flow)
        flow.on_move = self._moved
        return flow

    def _fail(self, record: Record, why: str) -> None:
        told = f"version {record.version} does not serve: {why}"
        log.warn("{flow}: {why}", flow=self.flow, why=told)
        self._change(record, failing(record, told))

    def _move(self, record: Record, **changes: Any) -> None:
        self._change(record, replace(record, **changes))

    def _change(self, before: Record, record: Record) -> None:
        """It has come true, unless there was an order meanwhile."""
        if self.record is before and before != record:
            self._crew.keeps.keep(record)
            self.record = record

    def _broke(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.failure("{flow}: deploying broke", failure, flow=self.flow)
            _ = self._crew.clock.callLater(TRY_AGAIN_S * 12, self._again)

    def _again(self) -> None:
        if self._work is not None:
            self._work = None
            self.start()

    async def _pause(self, seconds: float | None = None) -> None:
        if self._poked:
            self._poked = False
            return
        waiting = self._waiting = Deferred()
        timer = (
            None if seconds is None else self._crew.clock.callLater(seconds, self.poke)
        )
        try:
            await waiting
        finally:
            self._poked = False
            if timer is not None and timer.active():
                timer.cancel()


def _handing_over(kept: Kept, how: HandOver) -> Any:
    return replace(kept, hand_over=how).wanted
