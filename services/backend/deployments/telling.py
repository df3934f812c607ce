"""Deployments as they are told on the wire."""

import msgspec

from heddle.contract.deployments import (
    DeploymentMoved,
    DeploymentReport,
    DeploymentStatus,
    TargetReport,
    TargetStatus,
)
from heddle.rollout.state import Deployment, Target
from heddle.rollout.summary import counts
from services.backend.deployments.plan import Plan
from services.backend.store.deployments import DeploymentRow

read_plan = msgspec.json.Decoder(Plan).decode


def report_of(row: DeploymentRow) -> DeploymentReport:
    """A deployment without its targets."""
    plan = read_plan(row.plan)
    return DeploymentReport(
        deployment=row.deployment,
        flow=row.flow,
        version=row.version,
        content_hash=row.content_hash,
        strategy=plan.strategy,
        status=DeploymentStatus(row.status),
        detail=row.detail,
        total=row.total,
        counts=row.counts,
        wave=row.wave,
        waves=row.waves,
        config=plan.config,
        targets=plan.targets,
        active_runs=plan.active_runs,
        start_run=plan.start_run,
        note=plan.note,
        created_at_ms=row.created_at_ms,
        created_by=row.created_by,
        started_at_ms=row.started_at_ms,
        ended_at_ms=row.ended_at_ms,
        start_at_ms=plan.start_at_ms,
        approved_by=row.approved_by,
        next_at_ms=row.next_at_ms,
        revision=row.revision,
    )


def target_of(device: str, target: Target, changed_at_ms: int | None) -> TargetReport:
    """One device of a deployment."""
    return TargetReport(
        device=device,
        status=TargetStatus(target.status.value),
        wave=max(target.wave, 0),
        detail=target.detail,
        attempts=target.attempt,
        changed_at_ms=changed_at_ms,
        caught_up=target.caught_up,
    )


def moved_of(state: Deployment, revision: int) -> DeploymentMoved:
    """What is published of a state."""
    return DeploymentMoved(
        deployment=state.id,
        status=DeploymentStatus(state.status.value),
        counts={str(status): n for status, n in counts(state).by_status.items()},
        wave=max(state.wave, 0),
        waves=max(state.waves, 1),
        detail=state.detail,
        revision=revision,
    )


def moved_of_report(report: DeploymentReport) -> DeploymentMoved:
    """What is published of a deployment that a person moved."""
    return DeploymentMoved(
        deployment=report.deployment,
        status=report.status,
        counts=report.counts,
        wave=report.wave,
        waves=report.waves,
        detail=report.detail,
        revision=report.revision,
    )
