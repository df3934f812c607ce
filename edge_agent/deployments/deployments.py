"""The answers to ``heddle.device.{device}.deployment.*``, and the reports.

An order is on the disk before it is answered, and answered before it is carried out. A
repeat changes nothing and tells the present stage; one of a deployment that is over, or
was called back before it came, is refused.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace as with_changes
from typing import Any

from msgspec.structs import replace
from twisted.logger import Logger

from edge_agent.deployments.record import (
    ENDED,
    Memory,
    Past,
    Record,
    is_same,
    over,
    overtaken,
    reverting,
    to_go_back_to,
)
from edge_agent.deployments.store import Store
from edge_agent.deployments.takeover import Crew, Takeover
from edge_agent.deployments.trials import Trials
from edge_agent.engine.protocol import Status
from edge_agent.flow import Flow
from edge_agent.flows import Flows
from edge_agent.reconcile.engines import Engines
from edge_agent.releases import Releases
from edge_agent.shelf import Shelf, Wanted, kept
from heddle.contract.declare import FleetError, check_id
from heddle.contract.device_deployments import (
    DeploymentSuperseded,
    DeploymentUnknown,
    DeployRelease,
    DeviceDeployment,
    DeviceDeploymentRef,
    DeviceStage,
)
from heddle.contract.runs import EngineUnavailable, RunReport, StartRun, StorageFull
from heddle.wamp.session import Caller

log = Logger()

DEPLOY, REPEAT = "deployment.deploy", "deployment.repeat"  # refusals are told as
_NEVER = "it was called back before it came"


class Deployments:
    """All flows' deployments."""

    def __init__(
        self,
        device: str,
        store: Store,
        releases: Releases,
        flows: Flows,
        engines: Engines,
        *,
        clock: Any,
        shelf: Shelf,
        make: Callable[[Wanted], Flow],
        start_run: Callable[[StartRun], Awaitable[RunReport]],
        within_s: float,
        tell: Callable[[DeviceDeployment], None],
        refused: Callable[[str, str, str], None],
    ) -> None:
        """An engine answers ``within_s``; ``tell`` reports a stage; ``refused`` hears
        action, subject and reason.
        """
        self._device = device
        self._store = store
        self._releases = releases
        self._flows = flows
        self._engines = engines
        self._tell = tell
        self._refused = refused
        self._crew = Crew(
            clock=clock,
            flows=flows,
            engines=engines,
            shelf=shelf,
            trials=Trials(shelf, engines, make),
            start_run=start_run,
            keeps=self,
            within_s=within_s,
        )
        self._memories: dict[str, Memory] = {}
        self._takeovers: dict[str, Takeover] = {}
        flows.on_change = self._changed_by_hand

    def load(self) -> None:
        """Learn what a former life was told, before any engine is begun."""
        self._memories = self._store.load()
        for flow, memory in self._memories.items():
            if memory.record is not None:
                takeover = self._takeovers[flow] = Takeover(self._crew, memory.record)
                takeover.guard()

    def start(self) -> None:
        """Go on; the flows are there."""
        self._crew.trials.start()
        for flow, takeover in tuple(self._takeovers.items()):
            if self._is_foreign(takeover.record):
                self._changed_by_hand(flow, "was changed by hand")
            else:
                takeover.start()

    async def stop(self) -> None:
        """Leave everything as it is."""
        for takeover in self._takeovers.values():
            takeover.stop()
        await self._crew.trials.stop()

    def tell_all(self) -> None:
        """There is a link: tell how the deployments of now stand."""
        for takeover in self._takeovers.values():
            if takeover.record.stage is not DeviceStage.SETTLED:
                self._tell(takeover.record.told)

    def tried(self, name: str) -> Wanted | None:
        """What is tried out under this name, which is no flow's."""
        return self._crew.trials.wanted(name)

    # --- what is asked ---------------------------------------------------------------

    async def deploy(self, request: DeployRelease, _: Caller) -> DeviceDeployment:
        """Take up a release."""
        check_id("deployment", request.deployment)
        wanted = self._releases.wanted(
            request.release,
            request.variables,
            action=DEPLOY,
            runtime=self._engines.kind,
        )
        memory = self._memory(wanted.flow)
        if (known := self._known(wanted.flow, request.deployment)) is not None:
            return known
        self._engines.room.check(f"deploying flow {wanted.flow!r}")
        present = self._flows.wanted(wanted.flow)
        former = to_go_back_to(memory, present)
        starts = request.start_run
        record = Record(
            deployment=request.deployment,
            flow=wanted.flow,
            version=wanted.version,
            release=kept(wanted),
            former=former,
            former_version=None if former is None else former.version,
            active_runs=request.active_runs,
            start_run=starts,
            beside=request.beside,
            run=self._run_of(request.deployment) if starts else None,
        )
        past = overtaken(memory, f"deployment {request.deployment} came after it")
        self._put(wanted.flow, replace(past, record=record))
        log.info(
            "{flow} version {n}: deployment {deployment}",
            flow=wanted.flow,
            n=wanted.version,
            deployment=request.deployment,
        )
        takeover = self._takeovers.get(wanted.flow)
        if takeover is None:
            takeover = self._takeovers[wanted.flow] = Takeover(self._crew, record)
            takeover.start()
        else:
            takeover.become(record)
        return record.told

    async def switch(self, request: DeviceDeploymentRef, _: Caller) -> DeviceDeployment:
        """Let the release that is ready serve."""
        record = self._present(request)
        if not record.beside or record.switched or record.stage in ENDED:
            return record.told
        if record.stage is not DeviceStage.READY:
            raise EngineUnavailable(
                f"version {record.version} of flow {record.flow!r} is not ready to be "
                f"switched to: it is {record.stage}"
            )
        return self._order(replace(record, switched=True, detail="it is switched to"))

    async def revert(self, request: DeviceDeploymentRef, _: Caller) -> DeviceDeployment:
        """Go back to the release before this deployment."""
        check_id("flow", request.flow)
        check_id("deployment", request.deployment)
        memory = self._memory(request.flow)
        record = memory.record
        if record is not None and record.deployment == request.deployment:
            is_done = record.stage in (DeviceStage.REVERTED, DeviceStage.SETTLED)
            if is_done or record.ends is DeviceStage.REVERTED:
                return record.told
            return self._order(reverting(record))
        past = memory.former(request.deployment)
        if past is None:
            past = Past(request.deployment, 0, DeviceStage.REVERTED, _NEVER)
            self._put(request.flow, memory.with_past(past))
        elif past.stage is not DeviceStage.REVERTED:
            raise self._superseded(request)
        return _of_past(request.flow, past)

    async def settle(self, request: DeviceDeploymentRef, _: Caller) -> DeviceDeployment:
        """Forget the former release."""
        record = self._present(request)
        if record.stage is not DeviceStage.ACTIVE:
            return record.told
        return self._order(over(record, DeviceStage.SETTLED, ""))

    async def status(self, request: DeviceDeploymentRef, _: Caller) -> DeviceDeployment:
        """How far the device is, and how the deployment's run stands."""
        check_id("flow", request.flow)
        known = self._known(request.flow, request.deployment, refuse=False)
        if known is None:
            raise self._unknown(request)
        return await self._with_run(known)

    # --- how -------------------------------------------------------------------------

    def keep(self, record: Record) -> None:
        """Put a record on the disk and tell of it. Raises ``OSError``."""
        memory = replace(self._memory(record.flow), record=record)
        self._store.put(record.flow, memory)
        self._memories[record.flow] = memory
        self._tell(record.told)

    def _put(self, flow: str, memory: Memory) -> None:
        """The same for an order. Raises ``StorageFull``."""
        try:
            self._store.put(flow, memory)
        except OSError as error:
            raise StorageFull(
                f"the order for flow {flow!r} cannot be kept: {error.strerror}; "
                "nothing changed"
            ) from None
        self._memories[flow] = memory

    def _order(self, record: Record) -> DeviceDeployment:
        self._put(record.flow, replace(self._memory(record.flow), record=record))
        self._takeovers[record.flow].become(record)
        self._tell(record.told)
        return record.told

    def _memory(self, flow: str) -> Memory:
        return self._memories.get(flow, Memory())

    def _known(
        self, flow: str, deployment: str, *, refuse: bool = True
    ) -> DeviceDeployment | None:
        """What is known of a deployment; one that is over is refused by default."""
        memory = self._memory(flow)
        record = memory.record
        if record is not None and record.deployment == deployment:
            return record.told
        past = memory.former(deployment)
        if past is None:
            return None
        if refuse and past.stage is not DeviceStage.REVERTED:
            raise self._superseded(
                DeviceDeploymentRef(deployment=deployment, flow=flow)
            )
        return _of_past(flow, past)

    def _present(self, request: DeviceDeploymentRef) -> Record:
        check_id("flow", request.flow)
        memory = self._memory(request.flow)
        record = memory.record
        if record is not None and record.deployment == request.deployment:
            return record
        if memory.former(request.deployment) is not None:
            raise self._superseded(request)
        raise self._unknown(request)

    def _superseded(self, request: DeviceDeploymentRef) -> DeploymentSuperseded:
        why = (
            f"deployment {request.deployment!r} of flow {request.flow!r} is over on "
            "this device: something else was deployed or installed since"
        )
        self._refused(REPEAT, request.deployment, why)
        return DeploymentSuperseded(why)

    def _unknown(self, request: DeviceDeploymentRef) -> DeploymentUnknown:
        return DeploymentUnknown(
            f"this device was never told of deployment {request.deployment!r} of flow "
            f"{request.flow!r}"
        )

    def _is_foreign(self, record: Record) -> bool:
        """Whether the flow is neither the record's release nor its former one."""
        if record.stage in ENDED:
            return False
        wanted = self._flows.wanted(record.flow)
        return not (is_same(wanted, record.release) or is_same(wanted, record.former))

    def _changed_by_hand(self, flow: str, what: str) -> None:
        memory = self._memory(flow)
        takeover = self._takeovers.pop(flow, None)
        if takeover is not None:
            takeover.part()
        if memory.record is None:
            return
        memory = overtaken(memory, f"flow {flow} {what}")
        self._memories[flow] = memory
        try:
            self._store.put(flow, memory)
        except OSError as error:  # what is wanted tells it, too
            log.warn("{flow}: {why}", flow=flow, why=error.strerror)

    async def _with_run(self, known: DeviceDeployment) -> DeviceDeployment:
        if known.run is None:
            return known
        try:
            reports = await self._flows.get(known.flow).ask(Status(run=known.run))
        except FleetError:
            return known
        return with_changes(known, run_status=reports[0].status.value)

    def _run_of(self, deployment: str) -> str:
        """The same for every repeat, and another on every device."""
        name = f"{self._device}/{deployment}".encode()
        return f"run_{hashlib.sha256(name).hexdigest()[:24]}"


def _of_past(flow: str, past: Past) -> DeviceDeployment:
    return DeviceDeployment(
        deployment=past.deployment,
        flow=flow,
        version=past.version,
        stage=past.stage,
        detail=past.detail,
        former_version=past.former_version,
    )
