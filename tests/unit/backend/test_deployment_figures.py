"""What Prometheus is told of deployments."""

from types import SimpleNamespace

from prometheus_client import CollectorRegistry

from heddle.rollout.inputs import Cancel, Start
from heddle.rollout.machine import begin, step
from heddle.rollout.spec import read
from services.backend.deployments.figures import Figures


def test_deployments_under_way_are_told_with_their_targets() -> None:
    pending = begin(read("all_at_once"), "abc", 1, id="dep_1")
    running = step(pending, Start(2, "admin")).state
    ended = step(pending, Cancel(2, "admin")).state
    drivers = {
        name: SimpleNamespace(state=state)
        for name, state in (("1", running), ("2", pending), ("3", ended), ("4", None))
    }
    registry = CollectorRegistry()
    Figures(registry).watch(SimpleNamespace(project="plant", drivers=drivers))

    def told(name: str, **labels: str) -> float | None:
        labels["project"] = "plant"
        return registry.get_sample_value(f"heddle_backend_{name}", labels)

    assert told("deployments_live") == 2
    assert told("deployment_targets", status="deploying") == 3
    assert told("deployment_targets", status="pending") == 3
    assert told("deployment_targets", status="skipped") == 0
