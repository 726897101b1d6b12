"""/v1/events: what clients report."""

from flask import Blueprint, Response

from newsrec_api.errors import InvalidError
from newsrec_api.http import json_object, json_response
from newsrec_api.metrics import Metrics
from newsrec_api.use_cases.take_events import TakeEvents

MAX_EVENTS = 1000


def blueprint(take: TakeEvents, metrics: Metrics) -> Blueprint:
    """The route that takes events."""
    routes = Blueprint("events", __name__)

    @routes.post("/v1/events")
    def events() -> Response:
        batch = json_object().get("events")
        if not isinstance(batch, list) or not 1 <= len(batch) <= MAX_EVENTS:
            raise InvalidError(f"events must be a list of 1 to {MAX_EVENTS} events")
        receipt = take(batch)
        for entity, count in receipt.accepted.items():
            metrics.events(entity, "accepted", count)
        for entity, count in receipt.duplicates.items():
            metrics.events(entity, "duplicate", count)
        metrics.events("unknown", "rejected", len(receipt.rejected))
        return json_response(
            {
                "accepted": sum(receipt.accepted.values()),
                "duplicates": sum(receipt.duplicates.values()),
                "rejected": [{"index": i, "detail": detail} for i, detail in receipt.rejected],
            },
            202,
        )

    return routes
