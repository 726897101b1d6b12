"""/healthz, /readyz, /metrics: for the machines that run this one."""

from flask import Blueprint, Response

from newsrec_api.http import json_response
from newsrec_api.metrics import Metrics
from newsrec_api.repositories.interfaces import Health


def blueprint(health: Health, metrics: Metrics) -> Blueprint:
    """Routes for probes and Prometheus."""
    routes = Blueprint("operations", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return json_response({"status": "alive"})

    @routes.get("/readyz")
    def ready() -> Response:
        health.check()
        return json_response({"status": "ready"})

    @routes.get("/metrics")
    def exposition() -> Response:
        return metrics.response()

    return routes
