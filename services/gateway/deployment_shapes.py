"""Deployments as EdgeFlow 002 writes them: ``flow_id``, ``target_devices``, counts."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from heddle.contract.declare import message
from heddle.contract.deployments import (
    DeploymentDetail,
    DeploymentHistory,
    DeploymentList,
    DeploymentReport,
    DeploymentStatus,
    LabelVariables,
    StrategyConfig,
    StrategyKind,
    TargetReport,
    TargetStatus,
)
from heddle.contract.device_deployments import ActiveRuns
from heddle.contract.fleet import Targets
from services.gateway.instants import instant, maybe, unix_ms
from services.gateway.route import Id, Version
from services.gateway.strict import nested

Strategy = Literal[
    "all_at_once", "rolling", "canary", "blue_green", "all-at-once", "blue-green"
]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_FAILED = (TargetStatus.FAILED, TargetStatus.TIMED_OUT)
_Config: Any = nested(StrategyConfig)
_LabelVariables: Any = nested(LabelVariables)


class Aim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which devices, and how: named, by a selector of labels, or all."""

    strategy: Strategy = "all_at_once"
    target_devices: tuple[str, ...] = ()
    target_labels: str | None = None  # such as ``site=graz and not spare``
    target_all: bool = False
    dynamic: bool = False  # a device that matches later joins
    config: _Config = msgspec.field(default_factory=_Config)


class NewDeployment(Aim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deployment of a published flow to be made."""

    flow_id: Id
    version: Version | None = None  # the newest release if absent
    active_runs: ActiveRuns = ActiveRuns.FINISH
    start_run: bool = False  # start a run of the release on each device
    variables: dict[str, Any] = msgspec.field(default_factory=dict)
    label_variables: tuple[_LabelVariables, ...] = ()
    device_variables: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    start: bool = False  # at once
    start_at: Instant | None = None
    note: str = ""


@message
class DeploymentTarget:
    """One device of a deployment."""

    device_id: str
    status: TargetStatus
    wave: int  # from 0
    detail: str  # why, in one sentence
    attempts: int
    changed_at: datetime | None
    caught_up: bool  # got the release after its time was out


@message
class Deployment:
    """A deployment; with its targets where one is asked for."""

    id: str
    flow_id: str
    version: int
    content_hash: str
    strategy: StrategyKind
    status: DeploymentStatus
    detail: str  # why it stands there, in one sentence
    total_targets: int
    completed_targets: int  # that stand at success
    failed_targets: int  # failed or timed out
    counts: dict[str, int]  # targets by status
    wave: int
    waves: int
    target_devices: tuple[str, ...]
    target_labels: str | None
    target_all: bool
    dynamic: bool
    config: StrategyConfig  # as in force
    active_runs: ActiveRuns
    start_run: bool
    note: str
    created_at: datetime
    created_by: str
    started_at: datetime | None
    ended_at: datetime | None
    start_at: datetime | None
    approved_by: str | None
    next_at: datetime | None  # when it goes on by itself
    revision: int
    targets: tuple[DeploymentTarget, ...] | None = None  # by device
    more_targets: bool = False


@message
class DeploymentPage:
    """Deployments, newest first."""

    deployments: tuple[Deployment, ...]
    more: bool


@message
class DeploymentEntry:
    """One thing that happened."""

    number: int  # from 0, without gaps
    at: datetime
    device_id: str | None
    what: str
    detail: str = ""
    by: str = ""


@message
class DeploymentEntries:
    """What happened, oldest first."""

    entries: tuple[DeploymentEntry, ...] = field(default=())
    more: bool = False


def aim(asked: Aim) -> dict[str, Any]:
    """Strategy and targets, as the backend is asked."""
    targets = Targets(
        devices=asked.target_devices,
        labels=asked.target_labels,
        all=asked.target_all,
        dynamic=asked.dynamic,
    )
    return {
        "strategy": asked.strategy.replace("-", "_"),
        "targets": msgspec.to_builtins(targets),
        "config": msgspec.to_builtins(asked.config),
    }


def new_deployment(asked: NewDeployment) -> dict[str, Any]:
    """What is asked of the backend."""
    start_at_ms = None if asked.start_at is None else unix_ms(asked.start_at)
    return {
        **aim(asked),
        "flow": asked.flow_id,
        "version": asked.version,
        "active_runs": asked.active_runs.value,
        "start_run": asked.start_run,
        "variables": asked.variables,
        "label_variables": msgspec.to_builtins(asked.label_variables),
        "device_variables": asked.device_variables,
        "start": asked.start,
        "start_at_ms": start_at_ms,
        "note": asked.note,
    }


def deployment(
    found: DeploymentReport,
    targets: tuple[DeploymentTarget, ...] | None = None,
    *,
    more: bool = False,
) -> Deployment:
    """As REST tells it."""
    return Deployment(
        id=found.deployment,
        flow_id=found.flow,
        version=found.version,
        content_hash=found.content_hash,
        strategy=found.strategy,
        status=found.status,
        detail=found.detail,
        total_targets=found.total,
        **_figures(found.counts),
        wave=found.wave,
        waves=found.waves,
        target_devices=found.targets.devices,
        target_labels=found.targets.labels,
        target_all=found.targets.all,
        dynamic=found.targets.dynamic,
        config=found.config,
        active_runs=found.active_runs,
        start_run=found.start_run,
        note=found.note,
        created_at=instant(found.created_at_ms),
        created_by=found.created_by,
        started_at=maybe(found.started_at_ms),
        ended_at=maybe(found.ended_at_ms),
        start_at=maybe(found.start_at_ms),
        approved_by=found.approved_by,
        next_at=maybe(found.next_at_ms),
        revision=found.revision,
        targets=targets,
        more_targets=more,
    )


def _figures(counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "counts": dict(counts),
        "completed_targets": counts.get(TargetStatus.SUCCESS, 0),
        "failed_targets": sum(counts.get(status, 0) for status in _FAILED),
    }


def _target(found: TargetReport) -> DeploymentTarget:
    return DeploymentTarget(
        device_id=found.device,
        status=found.status,
        wave=found.wave,
        detail=found.detail,
        attempts=found.attempts,
        changed_at=maybe(found.changed_at_ms),
        caught_up=found.caught_up,
    )


def detail(found: DeploymentDetail) -> Deployment:
    """As REST tells it."""
    targets = tuple(map(_target, found.targets))
    return deployment(found.report, targets, more=found.more)


def page(found: DeploymentList) -> DeploymentPage:
    """As REST tells it."""
    listed = tuple(deployment(one) for one in found.deployments)
    return DeploymentPage(deployments=listed, more=found.more)


def history(found: DeploymentHistory) -> DeploymentEntries:
    """As REST tells it."""
    return DeploymentEntries(
        entries=tuple(
            DeploymentEntry(
                number=one.number,
                at=instant(one.at_ms),
                device_id=one.device,
                what=one.what,
                detail=one.detail,
                by=one.by,
            )
            for one in found.entries
        ),
        more=found.more,
    )
