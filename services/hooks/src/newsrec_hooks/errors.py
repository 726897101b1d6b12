"""What a request can get wrong, and what can be wrong behind us: each is one HTTP status."""

from typing import Any, ClassVar


class HooksError(Exception):
    """An answer other than the one that was asked for; it becomes a problem document (RFC 9457).

    `detail` is read by the client: it never holds a secret or what another server said.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class BadRequestError(HooksError):
    """The body is not what Alertmanager sends."""

    status = 400
    title = "Bad request"


class UnauthorizedError(HooksError):
    """The token is missing or wrong."""

    status = 401
    title = "Unauthorized"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="newsrec-hooks"'}


class UnsupportedMediaTypeError(HooksError):
    """The body is not JSON by its own account."""

    status = 415
    title = "Unsupported media type"


class RefusedError(HooksError):
    """Airflow or Kong understood and said no: the same request fails again until a person acts."""

    status = 502
    title = "Bad gateway"


class UnavailableError(HooksError):
    """Airflow or Kong does not answer; the same request may succeed later."""

    status = 503
    title = "Service unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "15"}
