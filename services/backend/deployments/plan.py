"""What was asked of a deployment, as it was checked: kept with it, never changed."""

from dataclasses import dataclass

import msgspec

from heddle.contract.deployments import (
    CreateDeployment,
    StrategyConfig,
    StrategyInvalid,
    StrategyKind,
    Window,
)
from heddle.contract.device_deployments import ActiveRuns
from heddle.contract.fleet import Targets
from heddle.derived.expression import BadExpression, parse, tags_of
from heddle.rollout.durations import duration_text
from heddle.rollout.spec import Spec, SpecInvalid, Strategy, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The part that is told to people."""

    strategy: StrategyKind
    config: StrategyConfig  # as in force: nothing is None
    targets: Targets
    active_runs: ActiveRuns
    start_run: bool = False
    note: str = ""
    start_at_ms: int | None = None


def spec_of(
    strategy: StrategyKind,
    config: StrategyConfig,
    *,
    dynamic: bool,
    start_at_ms: int | None,
) -> Spec:
    """The machine's settings. Raises ``StrategyInvalid`` with all that is wrong."""
    asked = {
        **msgspec.to_builtins(config),
        "dynamic": dynamic,
        "start_at_ms": start_at_ms,
    }
    check = asked.pop("check")
    findings: list[str] = []
    try:
        spec = read(strategy.value, asked)
    except SpecInvalid as flaw:
        findings += flaw.findings
        spec = None
    findings += _flaws_of(check)
    if findings or spec is None:
        raise StrategyInvalid("; ".join(findings), findings=findings)
    return spec


def plan_of(request: CreateDeployment, spec: Spec) -> Plan:
    """What was asked, with the defaults filled in."""
    return Plan(
        strategy=request.strategy,
        config=config_of(spec, request.config.check),
        targets=request.targets,
        active_runs=request.active_runs,
        start_run=request.start_run,
        note=request.note,
        start_at_ms=request.start_at_ms,
    )


def config_of(spec: Spec, check: str) -> StrategyConfig:
    """Settings as people read them."""
    delay = duration_text(spec.delay_ms)
    canary = spec.strategy is Strategy.CANARY
    return StrategyConfig(
        batch_size=spec.batch_size,
        batch_delay="0s" if canary else delay,
        failure_threshold=spec.failure_percent,
        canary_percentage=spec.canary_percent,
        canary_delay=delay if canary else "0s",
        switch_delay=duration_text(spec.switch_delay_ms),
        timeout=duration_text(spec.timeout_ms),
        revert_timeout=duration_text(spec.revert_timeout_ms),
        auto_rollback=spec.auto_rollback,
        health_check=spec.health_check,
        watch=duration_text(spec.watch_ms),
        check=check,
        max_in_flight=spec.max_in_flight,
        retries=spec.retries,
        catch_up=spec.catch_up,
        windows=tuple(
            Window(
                days=window.days,
                begins=_minute(window.from_minute),
                ends=_minute(window.to_minute or 1_440),
            )
            for window in spec.windows
        ),
        needs_approval=spec.needs_approval,
    )


def _flaws_of(check: str) -> list[str]:
    if not check:
        return []
    try:
        if tags_of(parse(check)):
            return []
    except BadExpression as flaw:
        return [f"check, column {flaw.column}: {flaw}"]
    return ["check: it names no tag"]


def _minute(of_day: int) -> str:
    return f"{of_day // 60:02}:{of_day % 60:02}"
