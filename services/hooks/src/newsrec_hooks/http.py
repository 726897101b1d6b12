"""What the routes share: who may come in, reading bodies, writing JSON."""

import hmac
from typing import Any, TypeVar

import orjson
from flask import Response, request
from pydantic import BaseModel, ValidationError

from newsrec_hooks.errors import BadRequestError, UnauthorizedError, UnsupportedMediaTypeError

MAX_BODY = 1024 * 1024

Model = TypeVar("Model", bound=BaseModel)


def json_response(content: Any, status: int = 200) -> Response:
    """JSON with times in UTC."""
    return Response(
        orjson.dumps(content, option=orjson.OPT_UTC_Z), status, content_type="application/json"
    )


def require_bearer(token: str) -> None:
    """Let only those pass who send `token`; the comparison takes the same time for any other.

    Raises:
        UnauthorizedError: for everybody else.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not same:
        raise UnauthorizedError(
            "this is for Alertmanager: send Authorization: Bearer and HOOKS_TOKEN"
        )


def body(model: type[Model]) -> Model:
    """The body, checked against `model`.

    Raises:
        UnsupportedMediaTypeError, BadRequestError: naming each wrong field; werkzeug raises
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
        return model.model_validate(orjson.loads(data))
    except orjson.JSONDecodeError as e:
        raise BadRequestError(f"the body is not JSON: line {e.lineno}, column {e.colno}") from None
    except ValidationError as e:
        raise BadRequestError(
            "the body is not an Alertmanager webhook of version 4", errors=_problems(e)
        ) from None


def _problems(error: ValidationError) -> list[dict[str, str]]:
    """One object per failure, never with the values that were sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[:20]
    return [
        {"field": ".".join(str(part) for part in e["loc"]) or "body", "detail": e["msg"]}
        for e in found
    ]
