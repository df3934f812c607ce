"""All flows of this device: installing, removing, and which run belongs to which.

The answers to ``heddle.device.{device}.flow.*``. What is installed is on the shelf
before it is started, so that a crash at any moment leaves either the old or the new.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from twisted.internet import defer
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from edge_agent.admission import admit
from edge_agent.drivers.driver import Reading
from edge_agent.flow import Flow
from edge_agent.outbox import Outbox
from edge_agent.runtime.runtime import Runtime
from edge_agent.shelf import Shelf, Wanted
from edge_agent.tags import TagTable
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
)

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
        runtime: Runtime,
        tags: TagTable,
        outbox: Outbox,
    ) -> None:
        self._clock = clock
        self._shelf = shelf
        self._make = make
        self._runtime = runtime
        self._tags = tags
        self._outbox = outbox
        self._flows: dict[str, Flow] = {}
        self._changing = DeferredLock()  # a queue: one change at a time

    def __iter__(self) -> Iterator[Flow]:
        """Every installed flow."""
        return iter(self._flows.values())

    async def start(self) -> None:
        """Bring up what is on the shelf, end what is not."""
        for wanted in self._shelf.wanted():
            self._begin(wanted)
        for orphan in await self._runtime.found() - self._flows.keys():
            log.info("ending the engine of {flow}: it is not installed", flow=orphan)
            await self._runtime.stop(orphan)

    async def stop(self, *, keep_engines: bool) -> None:
        """The agent ends; engines that can live without it may go on."""
        for flow in self:
            await flow.let_go()
        await self._runtime.close(keep=keep_engines)

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
            flows=tuple(self._flows[flow].report for flow in sorted(self._flows))
        )

    async def install(self, request: InstallFlow) -> InstalledFlow:
        """Install or replace a flow; answers when its engine does."""
        check_id("flow", request.flow)
        admit(request.definition, self._tags)
        wanted = Wanted(request.flow, request.version, request.definition)
        await self._changing.acquire()
        try:
            flow = self._flows.get(request.flow)
            if flow is None or flow.wanted != wanted:
                flow = await self._put(wanted, flow)
            await self._settled(flow)
        finally:
            self._changing.release()
        if flow.report.state is not FlowState.READY:
            raise EngineUnavailable(
                f"flow {wanted.flow!r} is installed, but its engine does not come up: "
                f"{flow.report.detail or 'it is still starting'}"
            )
        return flow.report

    async def remove(self, request: RemoveFlow) -> Removed:
        """Remove a flow, its engine and its journal."""
        await self._changing.acquire()
        try:
            flow = self.get(request.flow)
            await self._settled(flow)  # or nobody knows whether a run is active
            async with flow.turn():
                await self._refuse_if_active(flow, "remove it")
                await flow.stop()
            del self._flows[request.flow]
            self._shelf.remove(request.flow)
            for run in flow.runs:
                await self._outbox.forget_run(run)
        finally:
            self._changing.release()
        log.info("{flow} removed", flow=request.flow)
        return Removed(flow=request.flow)

    async def _put(self, wanted: Wanted, former: Flow | None) -> Flow:
        if former is not None:
            await self._settled(former)
            async with former.turn():
                await self._refuse_if_active(former, f"install {wanted.version}")
                await former.stop()
        self._shelf.put(wanted)
        flow = self._begin(wanted)
        if former is not None:
            flow.runs |= former.runs
        log.info("{flow} version {n} installed", flow=wanted.flow, n=wanted.version)
        return flow

    async def _settled(self, flow: Flow) -> None:
        with suppress(defer.TimeoutError):
            await flow.settled().addTimeout(SETTLE_WITHIN_S, self._clock)

    def _begin(self, wanted: Wanted) -> Flow:
        flow = self._flows[wanted.flow] = self._make(wanted)
        flow.start()
        return flow

    async def _refuse_if_active(self, flow: Flow, to: str) -> None:
        active = await flow.active_runs()
        if active:
            raise RunAlreadyActive(
                f"run {active[0]!r} of flow {flow.wanted.flow!r} is active; "
                f"stop it to {to}",
                run=active[0],
            )
