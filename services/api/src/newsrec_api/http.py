"""What the routes share: reading queries and bodies, writing JSON."""

import hmac
from typing import Any, TypeVar

import orjson
from flask import Response, request
from pydantic import BaseModel, ValidationError
from werkzeug.routing import BaseConverter

from newsrec_api.errors import (
    BadRequestError,
    InvalidError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
)
from newsrec_api.use_cases.validation import has_nul, problem_list

MAX_BODY = 1024 * 1024
MAX_TEXT = 256

Model = TypeVar("Model", bound=BaseModel)


class IdConverter(BaseConverter):
    """Opaque ids in paths: any text but slashes and control characters."""

    regex = r"[^/\x00-\x1f\x7f]{1,256}"


def json_response(
    content: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """JSON with times in UTC."""
    return Response(
        orjson.dumps(content, option=orjson.OPT_UTC_Z),
        status,
        headers,
        content_type="application/json",
    )


def require_bearer(token: str, whose: str) -> None:
    """Let only those pass who send `token`; the comparison takes the same time for any other.

    Raises:
        UnauthorizedError: saying `whose` token it is.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not same:
        raise UnauthorizedError(f"this is for {whose}: send Authorization: Bearer and their token")


def json_object() -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        UnsupportedMediaTypeError, BadRequestError, InvalidError: when it is none; werkzeug raises
            RequestEntityTooLarge above `MAX_BODY`.
    """
    if not request.is_json:
        raise UnsupportedMediaTypeError("send Content-Type: application/json")
    try:
        data = request.get_data(cache=False)
    except OSError as e:  # gunicorn's chunks that are none
        raise BadRequestError("the body breaks off") from e
    if len(data) >= MAX_BODY:
        request.stream.read(1)  # a chunked body is cut at the limit silently; reading on raises
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as e:
        raise BadRequestError(f"the body is not JSON: line {e.lineno}, column {e.colno}") from None
    if not isinstance(body, dict):
        raise InvalidError("the body must be a JSON object")
    return body


def body(model: type[Model]) -> Model:
    """The body, checked against `model`.

    Raises:
        InvalidError: naming each wrong field.
    """
    content = json_object()
    try:
        checked = model.model_validate(content)
    except ValidationError as e:
        raise InvalidError("the body is not what it should be", errors=problem_list(e)) from None
    if has_nul(content):
        raise InvalidError("text must not contain U+0000")
    return checked


def limit(default: int = 10) -> int:
    """The query's `limit`, 1 to 50."""
    text = _argument("limit")
    if text is None:
        return default
    # Longer digits than these are no honest limit, and int() of many is slow.
    number = int(text) if len(text) <= 4 and text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 50:
        raise _wrong_query("limit", "must be a whole number from 1 to 50")
    return number


def query_text(name: str, required: bool = False) -> str | None:
    """A short text of the query, None when it is absent or empty."""
    text = _argument(name) or None
    if text is None and required:
        raise _wrong_query(name, "is required")
    if text is not None and (len(text) > MAX_TEXT or not text.isprintable()):
        raise _wrong_query(name, f"must be printable and at most {MAX_TEXT} characters")
    return text


def _argument(name: str) -> str | None:
    # Most requests have no query at all; werkzeug's get() would raise and catch for each argument.
    if not request.environ.get("QUERY_STRING"):
        return None
    arguments = request.args
    return arguments[name] if name in arguments else None  # noqa: SIM401


def _wrong_query(name: str, detail: str) -> InvalidError:
    return InvalidError(f"{name} {detail}", errors=[{"field": name, "detail": detail}])
