"""Every error as a problem document (RFC 9457)."""

from http import HTTPStatus
from typing import Any

import orjson
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from newsrec_hooks.errors import HooksError
from newsrec_hooks.observe import request_id

log = structlog.get_logger()

# What werkzeug raises says more about itself than about the request.
_DETAILS = {
    400: "the request cannot be understood",
    404: "there is nothing at this address",
    405: "this address does not know this method",
    413: "the body is larger than 1 MiB",
}


def register(app: Flask) -> None:
    """Answer every error of `app` this way."""
    app.register_error_handler(HooksError, _hooks_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def problem(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Response:
    """A problem document; its `request_id` finds the request in our logs."""
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": request_id(),
        **members,
    }
    return Response(orjson.dumps(body), status, headers, content_type="application/problem+json")


def _hooks_error(error: HooksError) -> Response:
    return problem(error.status, error.title, error.detail, error.headers, **error.members)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    if isinstance(error, RequestEntityTooLarge):
        headers["Connection"] = "close"  # the rest of the body was not read
    phrase = HTTPStatus(status).phrase.capitalize()
    return problem(status, phrase, _DETAILS.get(status, phrase), headers)


def _bug(error: Exception) -> Response:
    log.error(
        "bug",
        exc_info=error,
        route=request.url_rule.rule if request.url_rule else "none",
        request_id=request_id(),
    )
    return problem(500, "Internal error", "something went wrong on our side")
