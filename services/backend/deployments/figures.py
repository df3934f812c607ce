"""What Prometheus is told of the deployments that this replica drives.

Each deployment is driven by one replica, so sums over replicas count each once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from typing_extensions import override

from heddle.rollout.state import TERMINAL, Deployment, TargetStatus
from heddle.rollout.summary import counts


class Driver(Protocol):
    """Drives a deployment."""

    @property
    def state(self) -> Deployment | None:
        """How it stands, as soon as that is known."""


class Project(Protocol):
    """A project whose deployments are driven here."""

    project: str

    @property
    def drivers(self) -> Mapping[str, Driver]:
        """By deployment."""


class Figures(Collector):
    """Counts at each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._projects: list[Project] = []
        registry.register(self)

    def watch(self, project: Project) -> None:
        """Tell of a project, too."""
        self._projects.append(project)

    @override
    def collect(self) -> Iterable[Metric]:
        """The figures now."""
        live = GaugeMetricFamily(
            "heddle_backend_deployments_live",
            "Deployments under way that this process drives.",
            labels=("project",),
        )
        targets = GaugeMetricFamily(
            "heddle_backend_deployment_targets",
            "Targets of those deployments, by status.",
            labels=("project", "status"),
        )
        for project in self._projects:
            states = [each.state for each in project.drivers.values()]
            under_way = [
                x for x in states if x is not None and x.status not in TERMINAL
            ]
            live.add_metric((project.project,), len(under_way))
            total: Counter[TargetStatus] = Counter()
            for state in under_way:
                total.update(counts(state).by_status)
            for status in TargetStatus:
                targets.add_metric((project.project, status.value), total[status])
        return (live, targets)
