"""All flows of this device: installing, removing, and which run belongs to which.

The answers to ``heddle.device.{device}.flow.*``. What is wanted is on the shelf before
anything is done for it, so that a crash at any moment leaves either the old or the new;
the engines follow.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from twisted.internet import defer
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from edge_agent.drivers.driver import Reading
from edge_agent.flow import Flow
from edge_agent.outbox import Outbox
from edge_agent.reconcile.engines import Engines
from edge_agent.releases import Releases
from edge_agent.shelf import Shelf, Wanted
from heddle.contract.declare import check_id
from heddle.contract.flows import (
    FlowState,
    InstalledFlow,
    InstalledFlows,
    InstallFlow,
    Removed,
    RemoveFlow,
)
from heddle.contract.runs import (
    EngineUnavailable,
    FlowNotInstalled,
    RunAlreadyActive,
    RunNotFound,
    StorageFull,
)
from heddle.wamp.spawn import spawn

log = Logger()

SETTLE_WITHIN_S = 25.0  # a caller waits 30


class Flows:
    """The installed flows."""

    def __init__(
        self,
        clock: IReactorTime,
        shelf: Shelf,
        *,
        make: Callable[[Wanted], Flow],
        engines: Engines,
        releases: Releases,
        outbox: Outbox,
    ) -> None:
        self._clock = clock
        self._shelf = shelf
        self._make = make
        self._engines = engines
        self._releases = releases
        self._outbox = outbox
        self._flows: dict[str, Flow] = {}
        self._unreadable: dict[str, str] = {}  # by flow, why
        self._changing = DeferredLock()  # a queue: one change at a time
        self.on_change: Callable[[str, str], None] = lambda flow, what: None
        """Hears what becomes of which flow by hand."""

    def __iter__(self) -> Iterator[Flow]:
        """Every installed flow."""
        return iter(self._flows.values())

    async def start(self) -> None:
        """Bring up what is on the shelf, end what is not."""
        self._shelf.take_over()
        self._unreadable = self._shelf.unreadable()
        for flaw in self._unreadable.values():
            log.warn("{flaw}; its engine is left alone", flaw=flaw)
        self._engines.leave_alone(frozenset(self._unreadable))
        for wanted in self._shelf.wanted():
            self._begin(self._as_set(wanted))
        self._engines.start()
        for flow in self._shelf.left_over():
            log.info("{flow} is not installed; its remains are removed", flow=flow)
            spawn(self._clear(flow), "removing the remains of {flow}", flow=flow)

    async def stop(self) -> None:
        """The agent ends; the engines are not touched."""
        for flow in self:
            await flow.let_go()
        self._engines.stop()

    def heard(self, readings: Sequence[Reading]) -> None:
        """Tags moved."""
        for flow in self:
            flow.heard(readings)

    def get(self, flow: str) -> Flow:
        """An installed flow. Raises ``FlowNotInstalled``."""
        if (found := self._flows.get(flow)) is None:
            have = ", ".join(sorted(self._flows)) or "none"
            raise FlowNotInstalled(
                f"flow {flow!r} is not installed on this device; installed: {have}"
            )
        return found

    def of_run(self, run: str) -> Flow:
        """The flow of a run. Raises ``RunNotFound`` or ``EngineUnavailable``."""
        for flow in self:
            if run in flow.runs:
                return flow
        if silent := [f for f in self if f.report.state is not FlowState.READY]:
            raise EngineUnavailable(
                f"run {run!r} is not known here, but the engine of flow "
                f"{silent[0].wanted.flow!r} does not answer now; try again"
            )
        raise RunNotFound(f"this device knows no run {run!r}")

    # --- flow.* ----------------------------------------------------------------------

    def list(self) -> InstalledFlows:
        """All flows, by id."""
        return InstalledFlows(
            flows=tuple(
                self._flows[flow].report if flow in self._flows else self._unread(flow)
                for flow in sorted({*self._flows, *self._unreadable})
            )
        )

    async def install(self, request: InstallFlow) -> InstalledFlow:
        """Install or replace a flow; answers when its engine does."""
        check_id("flow", request.flow)
        wanted = self._releases.installed(request, self._engines.kind)
        await self._changing.acquire()
        try:
            flow = self._flows.get(request.flow)
            if flow is None or flow.wanted != wanted:
                flow = await self._put(wanted, flow)
            await self._settled(flow)
        finally:
            self._changing.release()
        if flow.report.state not in (FlowState.READY, FlowState.STOPPED):
            raise EngineUnavailable(
                f"flow {wanted.flow!r} is installed, but its engine does not come up: "
                f"{flow.report.detail or 'it is still starting'}"
            )
        return flow.report

    async def remove(self, request: RemoveFlow) -> Removed:
        """Remove a flow, its engine and its journal."""
        await self._changing.acquire()
        try:
            if request.flow in self._unreadable:
                runs: set[str] = set()
            else:
                runs = await self._let_go(self.get(request.flow))
            self.on_change(request.flow, "was removed by hand")
            await self._gone(request.flow, runs)
        finally:
            self._changing.release()
        log.info("{flow} removed", flow=request.flow)
        return Removed(flow=request.flow)

    # --- for deployments -------------------------------------------------------------

    def wanted(self, flow: str) -> Wanted | None:
        """What is wanted of a flow, if it is installed."""
        found = self._flows.get(flow)
        return None if found is None else found.wanted

    async def replace(self, wanted: Wanted, *, only_idle: bool = False) -> bool:
        """Install or replace a flow, whatever runs; does not wait for its engine.

        With ``only_idle`` it tells whether there was no active run, and does nothing
        if there was. Raises ``StorageFull``.
        """
        await self._changing.acquire()
        try:
            former = self._flows.get(wanted.flow)
            if former is None:
                await self._put_first(wanted)
                return True
            async with former.turn():
                if only_idle and not await self._is_idle(former):
                    return False
                self._keep(wanted)
                await former.part()
            self._succeed(former, wanted)
            return True
        finally:
            self._changing.release()

    async def withdraw(self, flow: str) -> None:
        """Remove a flow, whatever runs."""
        await self._changing.acquire()
        try:
            found = self._flows.get(flow)
            if found is None:
                return
            async with found.turn():
                await found.part()
            del self._flows[flow]
            await self._gone(flow, found.runs)
        finally:
            self._changing.release()

    # --- how -------------------------------------------------------------------------

    async def _gone(self, flow: str, runs: set[str]) -> None:
        self._shelf.forget(flow)
        self._unreadable.pop(flow, None)
        self._engines.unwant(flow)
        for run in runs:
            await self._outbox.forget_run(run)
        await self._cleared(flow)

    async def _let_go(self, flow: Flow) -> set[str]:
        """Part from a flow that is to be removed; returns its runs."""
        await self._settled(flow)  # or nobody knows whether a run is active
        async with flow.turn():
            await self._refuse_if_active(flow, "remove it")
            await flow.part()
        del self._flows[flow.wanted.flow]
        return flow.runs

    async def _put(self, wanted: Wanted, former: Flow | None) -> Flow:
        self._engines.room.check(f"installing flow {wanted.flow!r}")
        if former is None:
            flow = await self._put_first(wanted)
        else:
            await self._settled(former)
            async with former.turn():
                await self._refuse_if_active(former, f"install {wanted.version}")
                self._keep(wanted)
                await former.part()
            flow = self._succeed(former, wanted)
        self.on_change(wanted.flow, f"version {wanted.version} was installed by hand")
        return flow

    async def _put_first(self, wanted: Wanted) -> Flow:
        if wanted.flow in self._shelf.left_over():
            await self._cleared(wanted.flow)
        self._keep(wanted)
        log.info("{flow} version {n} installed", flow=wanted.flow, n=wanted.version)
        return self._begin(wanted)

    def _succeed(self, former: Flow, wanted: Wanted) -> Flow:
        flow = self._begin(wanted)
        flow.runs |= former.runs
        flow.active |= former.active
        log.info("{flow} version {n} installed", flow=wanted.flow, n=wanted.version)
        return flow

    def _keep(self, wanted: Wanted) -> None:
        try:
            self._shelf.put(wanted)
        except OSError as error:
            raise StorageFull(
                f"flow {wanted.flow!r} cannot be kept in "
                f"{self._shelf.file(wanted.flow)}: {error.strerror}; nothing changed"
            ) from None
        self._unreadable.pop(wanted.flow, None)

    def _as_set(self, wanted: Wanted) -> Wanted:
        """The settings rule as what it runs; what is on the disk follows them."""
        now = replace(
            wanted,
            configuration=self._releases.as_set(wanted),
            runtime=self._engines.kind,
        )
        if now != wanted:
            try:
                self._shelf.put(now)
            except OSError as error:
                file = self._shelf.file(wanted.flow)
                log.warn("{file}: {why}", file=file, why=error.strerror)
        return now

    async def _clear(self, flow: str) -> None:
        """Remove the remains of a flow, once it has no engine any more."""
        await self._engines.gone(flow)
        self._shelf.clear(flow)

    async def _cleared(self, flow: str) -> None:
        """The same, but not for ever. Raises ``EngineUnavailable``."""
        clearing = Deferred.fromCoroutine(self._clear(flow))
        try:
            await clearing.addTimeout(SETTLE_WITHIN_S, self._clock)
        except defer.TimeoutError:
            spawn(self._clear(flow), "removing the remains of {flow}", flow=flow)
            raise EngineUnavailable(
                f"flow {flow!r} is no longer wanted, but its engine cannot be removed "
                f"yet: {self._engines.told(flow) or 'it is still ending'}"
            ) from None

    async def _settled(self, flow: Flow) -> None:
        with suppress(defer.TimeoutError):
            await flow.settled().addTimeout(SETTLE_WITHIN_S, self._clock)

    def _begin(self, wanted: Wanted) -> Flow:
        flow = self._flows[wanted.flow] = self._make(wanted)
        self._engines.want(self._shelf.order(wanted), running=wanted.running)
        flow.start()
        return flow

    async def _is_idle(self, flow: Flow) -> bool:
        """Whether no run is active, as far as anybody can tell."""
        if flow.state is FlowState.STARTING:
            return False  # its engine knows, and will be asked
        return not await flow.active_runs() or flow.state is FlowState.FAILED

    async def _refuse_if_active(self, flow: Flow, to: str) -> None:
        active = await flow.active_runs()
        if active:
            raise RunAlreadyActive(
                f"run {active[0]!r} of flow {flow.wanted.flow!r} is active; "
                f"stop it to {to}",
                run=active[0],
            )

    def _unread(self, flow: str) -> InstalledFlow:
        return InstalledFlow(
            flow=flow,
            version=0,
            runtime=self._engines.kind,
            state=FlowState.FAILED,
            detail=f"{self._unreadable[flow]}; install the flow again, or remove it",
        )
