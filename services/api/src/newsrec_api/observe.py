"""Around every request: its id, its time, one log line, one count, the headers of safety."""

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from flask import Flask, request

from newsrec_api.metrics import Metrics

log = structlog.get_logger()

REQUEST_ID = "newsrec.request_id"
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
_NO_STORE = ("Cache-Control", "no-store")
# For what a browser opens: pages and redirects.
_FOR_PEOPLE = [
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    # An address may hold a signed token or a reader's id: tell no other site.
    ("Referrer-Policy", "no-referrer"),
]


def register(app: Flask, metrics: Metrics) -> None:
    """Observe every request of `app`."""
    app.wsgi_app = Observer(app.wsgi_app, metrics)  # type: ignore[method-assign]


def request_id() -> str:
    """The id of the request at hand: the client's own, or one made for it."""
    return str(request.environ.get(REQUEST_ID, ""))


class Observer:
    """WSGI middleware: headers are cheaper to add here than through Flask's hooks."""

    def __init__(self, app: Callable[..., Iterable[bytes]], metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request; its time ends when the answer is begun."""
        began = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID")
        own_id = given if given and _GIVEN_ID.fullmatch(given) else os.urandom(16).hex()
        environ[REQUEST_ID] = own_id

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seconds = time.perf_counter() - began
            names = dict(headers)
            if "Location" in names or names.get("Content-Type") != "application/json":
                headers += _FOR_PEOPLE
            headers += (_NO_SNIFFING, ("X-Request-ID", own_id))
            if "Cache-Control" not in names:
                headers.append(_NO_STORE)
            self._observe(environ, int(status[:3]), seconds, own_id)
            return start_response(status, headers, exc_info)

        return self._app(environ, start)

    def _observe(self, environ: dict[str, Any], status: int, seconds: float, own_id: str) -> None:
        # The pattern, not the path: paths hold readers' ids and signed tokens.
        request = environ.get("werkzeug.request")
        rule = request.url_rule if request is not None else None
        route = rule.rule if rule is not None else "none"
        method = environ["REQUEST_METHOD"]
        self._metrics.request(route, method, status, seconds)
        if method == "GET" and status < 400:
            return  # reads that went well are counted only
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 2),
            request_id=own_id,
        )
