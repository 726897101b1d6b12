"""/v1/alerts: where Alertmanager's webhook leads."""

from dataclasses import asdict

import structlog
from flask import Blueprint, Response

from newsrec_hooks.actions import Act
from newsrec_hooks.alerts import Notification
from newsrec_hooks.http import body, json_response, require_bearer

log = structlog.get_logger()


def blueprint(act: Act, token: str) -> Blueprint:
    """The route that takes alerts from whoever sends `token`."""
    routes = Blueprint("alerts", __name__)

    @routes.post("/v1/alerts")
    def alerts() -> Response:
        require_bearer(token)
        notification = body(Notification)
        if notification.truncated_alerts:
            # `max_alerts` of the receiver is too small: an action may have been cut away.
            log.warning("truncated", alerts=notification.truncated_alerts)
        return json_response({"results": [asdict(r) for r in act(notification.alerts)]})

    return routes
