"""Around every request: its id, its time, one log line, one count."""

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from flask import Flask, request

from newsrec_hooks.metrics import Metrics

log = structlog.get_logger()

REQUEST_ID = "newsrec.request_id"
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = [("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store")]
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def register(app: Flask, metrics: Metrics) -> None:
    """Observe every request of `app`."""
    app.wsgi_app = Observer(app.wsgi_app, metrics)  # type: ignore[method-assign]


def request_id() -> str:
    """The id of the request at hand: the client's own, or one made for it."""
    return str(request.environ.get(REQUEST_ID, ""))


class Observer:
    """WSGI middleware: it also sees what Flask's hooks do not, such as an error in a hook."""

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
            headers += [*_HEADERS, ("X-Request-ID", own_id)]
            self._observe(environ, int(status[:3]), time.perf_counter() - began, own_id)
            return start_response(status, headers, exc_info)

        return self._app(environ, start)

    def _observe(self, environ: dict[str, Any], status: int, seconds: float, own_id: str) -> None:
        found = environ.get("werkzeug.request")
        rule = found.url_rule if found is not None else None
        route = rule.rule if rule is not None else "none"
        # Anybody may send any method: only known ones may become a label.
        method = environ["REQUEST_METHOD"]
        method = method if method in _METHODS else "other"
        self._metrics.request(route, method, status, seconds)
        if method == "GET" and status < 400:
            return  # probes and scrapes that went well are counted only
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 2),
            request_id=own_id,
        )
