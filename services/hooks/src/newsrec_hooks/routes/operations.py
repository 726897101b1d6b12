"""/healthz, /readyz, /metrics, /v1/openapi.json: for the machines that run and read this one."""

from typing import Any

from flask import Blueprint, Response

from newsrec_hooks.http import json_response
from newsrec_hooks.metrics import Metrics


def blueprint(metrics: Metrics, document: dict[str, Any]) -> Blueprint:
    """Routes for probes, Prometheus and clients."""
    routes = Blueprint("operations", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return json_response({"status": "alive"})

    @routes.get("/readyz")
    def ready() -> Response:
        # Ready even while Airflow or Kong is down: each alert is told so, and one of the two
        # that fails must not keep alerts for the other away.
        return json_response({"status": "ready"})

    @routes.get("/metrics")
    def exposition() -> Response:
        return metrics.response()

    @routes.get("/v1/openapi.json")
    def contract() -> Response:
        return json_response(document)

    return routes
