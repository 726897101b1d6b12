"""Around every request: its id, its time, one log line, one count, the headers of safety."""

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request

from newsrec_api.metrics import Metrics

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # An address may hold a signed token or a reader's id: tell no other site.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Asked every few seconds by machines: counted, but not worth a line each.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


def register(app: Flask, metrics: Metrics) -> None:
    """Observe every request of `app`."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        given = request.headers.get("X-Request-ID")
        g.request_id = given if given and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        # The pattern, not the path: paths hold readers' ids and signed tokens.
        route = request.url_rule.rule if request.url_rule else "none"
        headers = response.headers
        for name, value in _HEADERS.items():
            headers[name] = value
        headers["X-Request-ID"] = g.request_id
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"
        metrics.request(route, request.method, response.status_code, seconds)
        if route not in _QUIET:
            log.info(
                "request",
                method=request.method,
                route=route,
                status=response.status_code,
                milliseconds=round(seconds * 1000, 2),
                request_id=g.request_id,
            )
        return response
