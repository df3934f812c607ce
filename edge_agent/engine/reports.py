"""A run's state as the contract's ``RunReport``."""

from edge_agent.engine.flows import Flow
from edge_agent.engine.protocol import Listening, Report
from heddle.workflow.run import MOVING, Run, Status


def report(run_id: str, flow: Flow, run: Run, skew_ms: int) -> Report:
    """What ``run`` looks like from outside; instants in wall time."""
    return Report(
        run_id,
        flow.id,
        flow.version,
        run.status,
        _shifted(run.started_at_ms, skew_ms),
        _shifted(run.ended_at_ms, skew_ms),
        tuple(run.active),
        _listening(flow, run, skew_ms),
        run.activations,
        run.events,
        [since_ms + skew_ms for since_ms in run.active.values()],
    )


def _listening(flow: Flow, run: Run, skew_ms: int) -> list[Listening]:
    moving, paused = run.status in MOVING, run.status is Status.PAUSED
    listeners = flow.workflow.listeners
    return [
        Listening(
            active,
            listeners[active].kind,
            listeners[active].phase,
            _shifted(moment_ms, skew_ms) if moving else None,
            moment_ms if paused else None,
        )
        for active, moment_ms in run.listening.items()
    ]


def _shifted(at_ms: int | None, skew_ms: int) -> int | None:
    return None if at_ms is None else at_ms + skew_ms
