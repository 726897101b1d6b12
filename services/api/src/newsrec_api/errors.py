"""What a request can get wrong, and what can be wrong with us: each is one HTTP status."""

from typing import Any, ClassVar


class ApiError(Exception):
    """An answer other than the one that was asked for; it becomes a problem document (RFC 9457).

    `detail` is read by the client: it never holds more than she sent or may know.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class BadRequestError(ApiError):
    """The request cannot be understood."""

    status = 400
    title = "Bad request"


class UnauthorizedError(ApiError):
    """An operator's token is missing or wrong."""

    status = 401
    title = "Unauthorized"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="newsrec"'}


class NotFoundError(ApiError):
    """There is nothing of that name."""

    status = 404
    title = "Not found"


class ConflictError(ApiError):
    """It is there already."""

    status = 409
    title = "Conflict"


class GoneError(ApiError):
    """It was there, and was taken away on purpose."""

    status = 410
    title = "Gone"


class UnsupportedMediaTypeError(ApiError):
    """The body is not JSON by its own account."""

    status = 415
    title = "Unsupported media type"


class InvalidError(ApiError):
    """Well formed, but against the contract."""

    status = 422
    title = "Unprocessable content"


class DamagedError(ApiError):
    """What was kept is not what was written."""

    title = "Damaged"


class NotInstalledError(ApiError):
    """This installation leaves a part out."""

    status = 501
    title = "Not installed"


class UnavailableError(ApiError):
    """PostgreSQL or the store does not answer; the same request may succeed later."""

    status = 503
    title = "Service unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}
