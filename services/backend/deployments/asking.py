"""What is asked about deployments: lists, one with its targets, history, a preview."""

from collections.abc import Callable

from heddle.contract.declare import InvalidRequest
from heddle.contract.deployments import (
    DeploymentDetail,
    DeploymentHistory,
    DeploymentList,
    DeploymentPreview,
    GetDeployment,
    GetHistory,
    HistoryEntry,
    ListDeployments,
    PreviewDeployment,
    WavePreview,
)
from heddle.rollout.waves import cut
from services.backend.deployments.creation import targets_of
from services.backend.deployments.plan import config_of, spec_of
from services.backend.deployments.standing import decode, row_of
from services.backend.deployments.telling import report_of, target_of
from services.backend.pages import fitting
from services.backend.store import deployments as store
from services.backend.store.database import Connection

MOST = 10_000


def get(
    connection: Connection, project: str, request: GetDeployment
) -> DeploymentDetail:
    """One deployment with a page of its targets. Raises ``DeploymentNotFound``."""
    most = _checked_most(request.most)
    deployment = request.deployment
    row = row_of(connection, project, deployment)
    targets = decode(store.state_of(connection, project, deployment)).targets
    wanted = request.status.value if request.status is not None else None
    ids = sorted(
        device
        for device, target in targets.items()
        if device > request.after and wanted in {None, target.status.value}
    )
    page = ids[:most]
    changed = store.last_changes(connection, project, deployment, page)
    told = fitting([target_of(each, targets[each], changed.get(each)) for each in page])
    return DeploymentDetail(
        report=report_of(row), targets=tuple(told), more=len(told) < len(ids)
    )


def every(
    connection: Connection, project: str, request: ListDeployments
) -> DeploymentList:
    """Deployments, the newest first."""
    most = _checked_most(request.most)
    rows = store.every(
        connection,
        project,
        flow=request.flow,
        status=request.status.value if request.status is not None else None,
        before=request.before,
        most=most + 1,
    )
    told = fitting([report_of(row) for row in rows[:most]])
    return DeploymentList(deployments=tuple(told), more=len(told) < len(rows))


def history(
    connection: Connection, project: str, request: GetHistory
) -> DeploymentHistory:
    """What happened. Raises ``DeploymentNotFound``."""
    most = _checked_most(request.most)
    row_of(connection, project, request.deployment)
    rows = store.history(
        connection, project, request.deployment, request.after, most + 1
    )
    entries = fitting(
        [
            HistoryEntry(
                number=row.number,
                at_ms=row.at_ms,
                device=row.device,
                what=row.what,
                detail=row.detail,
                by=row.by_whom,
            )
            for row in rows[:most]
        ]
    )
    return DeploymentHistory(entries=tuple(entries), more=len(entries) < len(rows))


def preview(
    connection: Connection,
    project: str,
    request: PreviewDeployment,
    is_online: Callable[[str], bool],
) -> DeploymentPreview:
    """Whom a deployment would reach, in which waves."""
    spec = spec_of(
        request.strategy,
        request.config,
        dynamic=request.targets.dynamic,
        start_at_ms=None,
    )
    ids = [one.device for one in targets_of(connection, project, request.targets)]
    return DeploymentPreview(
        waves=tuple(
            WavePreview(devices=tuple(wave), online=sum(map(is_online, wave)))
            for wave in cut(spec, ids)
        ),
        config=config_of(spec, request.config.check),
    )


def _checked_most(most: int) -> int:
    if most < 1:
        raise InvalidRequest(f"most is {most}: ask for 1 or more")
    return min(most, MOST)
