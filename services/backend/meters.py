"""What the backend tells Prometheus: its database, who is online, deployments."""

from prometheus_client import CollectorRegistry, Gauge

from services.backend.deployments.figures import Figures
from services.backend.fleet.presence import Online
from services.backend.store.database import Database


class Meters:
    """The figures of one process, asked for at each scrape."""

    def __init__(self, registry: CollectorRegistry, database: Database) -> None:
        up = Gauge(
            "heddle_backend_database_up",
            "1 if the database answered the last time it was asked, else 0.",
            registry=registry,
        )
        up.set_function(lambda: database.answers)
        self.deployments = Figures(registry)
        self._online = Gauge(
            "heddle_backend_devices_online",
            "Devices online, as the router tells.",
            ("project",),
            registry=registry,
        )

    def watch(self, project: str, online: Online) -> None:
        """Tell of a project, too."""
        self._online.labels(project).set_function(lambda: online.count)
