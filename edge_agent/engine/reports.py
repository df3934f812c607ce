"""A run's state as the contract's ``RunReport``."""

from edge_agent.engine.flows import Flow
from heddle.contract.runs import ListenerReport, RunReport, RunStatus
from heddle.workflow.definition import Workflow
from heddle.workflow.run import MOVING, Run, Status


def report(run_id: str, flow: Flow, run: Run, skew_ms: int) -> RunReport:
    """What ``run`` looks like from outside; instants in wall time."""
    return RunReport(
        run=run_id,
        flow=flow.id,
        version=flow.version,
        status=RunStatus(run.status),
        started_at_ms=_shifted(run.started_at_ms, skew_ms),
        ended_at_ms=_shifted(run.ended_at_ms, skew_ms),
        active_phases=tuple(run.active),
        listening=tuple(
            _listening(flow.workflow, run, listener, skew_ms)
            for listener in run.listening
        ),
        activations=dict(run.activations),
        events=run.events,
    )


def _listening(
    workflow: Workflow, run: Run, listener_id: str, skew_ms: int
) -> ListenerReport:
    listener = workflow.listeners[listener_id]
    moment_ms = run.listening[listener_id]
    return ListenerReport(
        listener=listener_id,
        type=listener.kind.value,
        phase=listener.phase,
        due_at_ms=_shifted(moment_ms, skew_ms) if run.status in MOVING else None,
        remaining_ms=moment_ms if run.status is Status.PAUSED else None,
    )


def _shifted(at_ms: int | None, skew_ms: int) -> int | None:
    return None if at_ms is None else at_ms + skew_ms
