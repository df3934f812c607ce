"""What a deployment told, against what it promised."""

from collections.abc import Iterator

from heddle.contract.deployments import (
    DeploymentDetail,
    DeploymentStatus,
    HistoryEntry,
    StrategyKind,
    TargetReport,
    TargetStatus,
)

TICK_S = 5.0  # a tick, and a driver that was killed and is replaced
OPEN = frozenset({TargetStatus.PENDING, TargetStatus.DEPLOYING, TargetStatus.VERIFYING})


def standing(detail: DeploymentDetail, *statuses: TargetStatus) -> frozenset[str]:
    """The devices that stand so."""
    return frozenset(one.device for one in detail.targets if one.status in statuses)


def overdue(
    detail: DeploymentDetail,
    history: list[HistoryEntry],
    timeout_s: float,
    grace_s: float = TICK_S,
) -> Iterator[str]:
    """Targets that have not ended, or ended after their time.

    ``grace_s`` is how long there may have been nobody to end them.
    """
    began_ms: dict[int, int] = {}
    waves = {one.device: one.wave for one in detail.targets}
    for entry in history:
        if entry.device is not None and entry.what == TargetStatus.DEPLOYING:
            wave = waves[entry.device]
            began_ms[wave] = min(entry.at_ms, began_ms.get(wave, entry.at_ms))
    ended_ms: dict[str, int] = {}
    for entry in history:
        if entry.device is None or entry.what in OPEN:
            continue
        ended_ms.setdefault(entry.device, entry.at_ms)
    for target in detail.targets:
        yield from _late(target, began_ms, ended_ms, timeout_s + grace_s)


def _late(
    target: TargetReport,
    began_ms: dict[int, int],
    ended_ms: dict[str, int],
    within_s: float,
) -> Iterator[str]:
    if target.status in OPEN:
        yield f"{target.device} never ended: {target.status}"
        return
    began, ended = began_ms.get(target.wave), ended_ms.get(target.device)
    if began is not None and ended is not None:
        took_s = (ended - began) / 1000
        if took_s > within_s:
            yield f"{target.device} ended {took_s:.1f} s after its wave's start"


def spread(detail: DeploymentDetail, history: list[HistoryEntry]) -> Iterator[str]:
    """Devices that were told of the release after it was known to be bad."""
    waves = {one.device: one.wave for one in detail.targets}
    stopped_at = next(
        (
            entry.number
            for entry in history
            if entry.device is None and entry.what == DeploymentStatus.ROLLING_BACK
        ),
        None,
    )
    reached = {
        entry.device: entry.number
        for entry in history
        if entry.device is not None and entry.what == TargetStatus.DEPLOYING
    }
    last = max((waves[device] for device in reached), default=0)
    if last > detail.report.wave:
        yield f"wave {last} was reached, it stopped in {detail.report.wave}"
    if detail.report.strategy in (StrategyKind.ROLLING, StrategyKind.CANARY) and last:
        yield f"it went on to wave {last}, though its check never holds"
    if stopped_at is not None:
        late = sorted(d for d, number in reached.items() if number > stopped_at)
        if late:
            yield f"deployed after it was stopped: {', '.join(late)}"
