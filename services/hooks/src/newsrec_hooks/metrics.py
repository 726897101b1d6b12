"""Prometheus metrics of the one process that runs."""

from flask import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)

_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "newsrec_hooks_request_seconds",
            "Time to answer a request.",
            ("route", "method", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._alerts = Counter(
            "newsrec_hooks_alerts",
            "Alerts received, by the action that they name and what became of it.",
            ("action", "outcome"),
            registry=self._registry,
        )

    def declare(self, action: str, outcomes: tuple[str, ...]) -> None:
        """Show zeros from the start: a counter's first increase is then seen as one."""
        for outcome in outcomes:
            self._alerts.labels(action, outcome)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; `route` is its pattern, never the path itself."""
        self._requests.labels(route, method, status).observe(seconds)

    def alert(self, action: str, outcome: str) -> None:
        """Count one alert; both are words of `actions`, never what was sent."""
        self._alerts.labels(action, outcome).inc()

    def response(self) -> Response:
        """Everything counted so far."""
        return Response(generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST)
