"""What the gateway tells Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE"})


class Meters:
    """The figures of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._answers = Counter(
            "heddle_gateway_answers_total",
            "Requests answered, by route and status.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "heddle_gateway_answer_seconds",
            "How long answers took, event streams left out.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )

    def answered(
        self, method: bytes, route: str, status: int, took_s: float, *, is_stream: bool
    ) -> None:
        """One more."""
        word = method.decode() if method in _METHODS else "other"
        self._answers.labels(word, route or "none", str(status)).inc()
        if not is_stream:
            self._seconds.labels(route or "none").observe(took_s)

    def watch(
        self,
        sessions: Callable[[], int],
        streams: Callable[[], int],
        is_up: Callable[[], bool],
    ) -> None:
        """Tell of these, too."""
        for name, what, look in (
            ("sessions", "Sessions open in the router for clients.", sessions),
            ("streams", "Event streams open.", streams),
            ("router_up", "1 if the router answers, else 0.", is_up),
        ):
            gauge = Gauge(f"heddle_gateway_{name}", what, registry=self._registry)
            gauge.set_function(look)
