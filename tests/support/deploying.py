"""A backend that knows deployments by heart: what a test says, it tells.

centre = Deploying(session)
await centre.serve()
centre.stands(RUNNING, a="success", b="deploying")
"""

from dataclasses import replace
from typing import Any

from heddle.contract.declare import Procedure
from heddle.contract.deployments import (
    APPROVE_DEPLOYMENT,
    CANCEL_DEPLOYMENT,
    CREATE_DEPLOYMENT,
    DEPLOYMENT_HISTORY,
    DEPLOYMENT_MOVED,
    GET_DEPLOYMENT,
    LIST_DEPLOYMENTS,
    PAUSE_DEPLOYMENT,
    PREVIEW_DEPLOYMENT,
    RESUME_DEPLOYMENT,
    ROLL_BACK_DEPLOYMENT,
    START_DEPLOYMENT,
    CreateDeployment,
    DeploymentDetail,
    DeploymentHistory,
    DeploymentList,
    DeploymentMoved,
    DeploymentNotFound,
    DeploymentPreview,
    DeploymentRef,
    DeploymentReport,
    DeploymentStatus,
    GetDeployment,
    GetHistory,
    HistoryEntry,
    ListDeployments,
    PreviewDeployment,
    StrategyConfig,
    StrategyKind,
    TargetReport,
    TargetStatus,
    WavePreview,
)
from heddle.contract.device_deployments import ActiveRuns
from heddle.contract.fleet import Targets
from heddle.wamp.session import Caller, Session

MADE_AT_MS = 1_790_000_000_000
CONFIG = StrategyConfig(
    batch_size=2,
    batch_delay=300_000,
    failure_threshold=20.0,
    canary_percentage=10.0,
    canary_delay=1_800_000,
    switch_delay=600_000,
    timeout=1_800_000,
    watch=30_000,
    retries=5,
)
STEERED: dict[str, tuple[Procedure[Any, Any], DeploymentStatus]] = {
    "start": (START_DEPLOYMENT, DeploymentStatus.RUNNING),
    "pause": (PAUSE_DEPLOYMENT, DeploymentStatus.PAUSED),
    "resume": (RESUME_DEPLOYMENT, DeploymentStatus.RUNNING),
    "cancel": (CANCEL_DEPLOYMENT, DeploymentStatus.CANCELLED),
    "rollback": (ROLL_BACK_DEPLOYMENT, DeploymentStatus.ROLLING_BACK),
    "approve": (APPROVE_DEPLOYMENT, DeploymentStatus.RUNNING),
}


def a_report(
    status: DeploymentStatus = DeploymentStatus.RUNNING, **more: Any
) -> DeploymentReport:
    """A deployment of bioreactor version 3, rolling."""
    told: dict[str, Any] = {
        "deployment": "dep_1",
        "flow": "bioreactor",
        "version": 3,
        "content_hash": "c0ffee" * 10,
        "strategy": StrategyKind.ROLLING,
        "status": status,
        "total": 0,
        "counts": {},
        "config": CONFIG,
        "targets": Targets(all=True),
        "active_runs": ActiveRuns.FINISH,
        "created_at_ms": MADE_AT_MS,
        "created_by": "vera",
    }
    return DeploymentReport(**(told | more))


def some_targets(wave_of: int = 2, **stand: str) -> tuple[TargetReport, ...]:
    """Targets in waves of so many: ``a="failed: out of memory"``."""
    found = []
    for number, (device, told) in enumerate(stand.items()):
        status, _, detail = told.partition(": ")
        found.append(
            TargetReport(
                device=device,
                status=TargetStatus(status),
                wave=number // wave_of,
                detail=detail,
                attempts=1,
            )
        )
    return tuple(found)


def counted(
    report: DeploymentReport, targets: tuple[TargetReport, ...]
) -> DeploymentReport:
    """The report with the counts of its targets."""
    counts = dict.fromkeys((status.value for status in TargetStatus), 0)
    for one in targets:
        counts[one.status.value] += 1
    waves = 1 + max((one.wave for one in targets), default=0)
    return replace(report, total=len(targets), counts=counts, waves=waves)


class Deploying:
    """Serves everything a person may ask about deployments; there is one, at most."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.made: list[CreateDeployment] = []
        self.steered: list[tuple[str, DeploymentRef]] = []
        self.detail: DeploymentDetail | None = None
        self.page = 2000

    async def serve(self) -> None:
        """Serve by this session."""
        for procedure, handler in (
            (CREATE_DEPLOYMENT, self._create),
            (PREVIEW_DEPLOYMENT, self._preview),
            (GET_DEPLOYMENT, self._get),
            (LIST_DEPLOYMENTS, self._list),
            (DEPLOYMENT_HISTORY, self._history),
        ):
            await self._session.serve(procedure, handler)
        for verb, (procedure, status) in STEERED.items():
            await self._session.serve(procedure, self._steers(verb, status))

    def stands(
        self,
        status: DeploymentStatus,
        *,
        detail: str = "",
        wave: int = 0,
        **targets: str,
    ) -> None:
        """It stands so from now on; who watches is told."""
        told = some_targets(**targets)
        report = counted(a_report(status, detail=detail, wave=wave), told)
        self.detail = DeploymentDetail(report=report, targets=told)
        self._session.publish(
            DEPLOYMENT_MOVED,
            DeploymentMoved(
                deployment=report.deployment,
                status=status,
                counts=report.counts,
                wave=wave,
                waves=report.waves,
                revision=1,
            ),
        )

    async def _create(self, request: CreateDeployment, _: Caller) -> DeploymentReport:
        self.made.append(request)
        self.stands(DeploymentStatus.RUNNING, a="pending", b="pending", c="pending")
        assert self.detail is not None
        return self.detail.report

    async def _preview(self, _r: PreviewDeployment, _c: Caller) -> DeploymentPreview:
        waves = (
            WavePreview(devices=("a",), online=1),
            WavePreview(devices=tuple("bcdefghij"), online=7),
        )
        return DeploymentPreview(waves=waves, config=CONFIG)

    async def _get(self, request: GetDeployment, _: Caller) -> DeploymentDetail:
        detail = self._known(request.deployment)
        targets = [one for one in detail.targets if one.device > request.after]
        most = min(request.most, self.page)
        return DeploymentDetail(
            report=detail.report,
            targets=tuple(targets[:most]),
            more=len(targets) > most,
        )

    async def _list(self, _request: ListDeployments, _: Caller) -> DeploymentList:
        known = () if self.detail is None else (self.detail.report,)
        return DeploymentList(deployments=known)

    async def _history(self, request: GetHistory, _: Caller) -> DeploymentHistory:
        self._known(request.deployment)
        entries = (
            HistoryEntry(
                number=0, at_ms=MADE_AT_MS, device=None, what="created", by="vera"
            ),
            HistoryEntry(number=1, at_ms=MADE_AT_MS, device="a", what="success"),
        )
        left = entries[request.after + 1 :]
        return DeploymentHistory(entries=left[:1], more=len(left) > 1)

    def _steers(self, verb: str, status: DeploymentStatus) -> Any:
        async def steer(request: DeploymentRef, _: Caller) -> DeploymentReport:
            detail = self._known(request.deployment)
            self.steered.append((verb, request))
            report = replace(detail.report, status=status)
            self.detail = replace(detail, report=report)
            return report

        return steer

    def _known(self, deployment: str) -> DeploymentDetail:
        if self.detail is None or deployment != self.detail.report.deployment:
            raise DeploymentNotFound(f"there is no deployment {deployment}")
        return self.detail
