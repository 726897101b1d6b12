"""Prometheus metrics of one application, whole over several worker processes."""

from datetime import datetime
from typing import Any

from flask import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Counters of one application.

    With `multiprocess_dir` (PROMETHEUS_MULTIPROC_DIR, read by prometheus-client when it is
    imported) every worker writes its values there and any of them answers for all.
    """

    def __init__(self, multiprocess_dir: str | None = None) -> None:
        self._multiprocess_dir = multiprocess_dir
        self._registry = CollectorRegistry()
        # Its counts are the numbers of requests.
        self._requests = self._histogram(
            "request_seconds", "Time to answer a request.", "route", "method", "status"
        )
        self._slate_seconds = self._histogram(
            "slate_seconds", "Time to deliver the top n; kind is stored or fallback.", "n", "kind"
        )
        self._slate_as_of = Gauge(
            "newsrec_api_slate_as_of_seconds",
            "As-of time of the newest slate served, since 1970: its age is time() minus this.",
            registry=self._registry,
            multiprocess_mode="max",
        )
        self._newest_as_of = 0.0
        self._events = Counter(
            "newsrec_api_events",
            "Events by entity and outcome.",
            ("entity", "outcome"),
            registry=self._registry,
        )
        # labels() takes a lock and builds a tuple of text; the same few children come each time.
        self._children: dict[tuple[Any, ...], Histogram] = {}

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; `route` is its pattern, never the path itself."""
        key = (route, method, status)
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = self._requests.labels(route, method, status)
        found.observe(seconds)

    def slate(self, limit: int, fallback: bool, as_of: datetime, seconds: float) -> None:
        """Count one slate delivered."""
        n = next((bound for bound in (10, 20) if limit <= bound), 50)
        key = (n, fallback)
        found = self._children.get(key)
        if found is None:
            kind = "fallback" if fallback else "stored"
            found = self._children[key] = self._slate_seconds.labels(n, kind)
        found.observe(seconds)
        if (newest := as_of.timestamp()) > self._newest_as_of:
            self._newest_as_of = newest
            self._slate_as_of.set(newest)

    def events(self, entity: str, outcome: str, count: int) -> None:
        """Count events; `outcome` is accepted, duplicate or rejected."""
        if count:
            self._events.labels(entity, outcome).inc(count)

    def response(self) -> Response:
        """Everything counted so far, by all workers."""
        registry = self._registry
        if self._multiprocess_dir:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, path=self._multiprocess_dir)
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(
            f"newsrec_api_{name}", text, labels, buckets=_SECONDS, registry=self._registry
        )
