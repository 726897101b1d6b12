"""JSON logs of a service, in ECS fields: what happened, never what was in a body or in a link."""

import logging
from typing import Any, Final

import structlog
from ecs_logging import StdlibFormatter, StructlogFormatter

# Our words -> those of ECS, where it has one; all others are below `newsrec`.
_FIELDS: Final = {
    "method": "http.request.method",
    "status": "http.response.status_code",
    "request_id": "http.request.id",
    "error_type": "error.type",
}
# structlog and its formatter read these names themselves.
_THEIRS: Final = frozenset(("event", "exception"))
# Of a record of Python's own logging: nobody asks for these.
_LEFT_OUT: Final = ("log.original", "log.origin", "process")
_FORMAT: Final = StructlogFormatter(ensure_ascii=False)


def configure(service: str, level: int = logging.INFO) -> None:
    """Set structlog up for this process, whose lines say that they are of `service`."""

    def in_ecs(_: Any, __: str, event: Any) -> Any:
        return {"service.name": service, **_in_ecs(event)}

    structlog.configure(
        processors=[
            _with_type_of_error,
            structlog.processors.format_exc_info,
            in_ecs,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )


def of_gunicorn(service: str) -> dict[str, Any]:
    """Gunicorn's own messages in the same form: its setting `logconfig_dict`."""
    handler = {"class": "logging.StreamHandler", "formatter": "ecs"}
    logger = {"level": "WARNING", "handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ecs": {"()": f"{__name__}.formatter", "service": service}},
        "handlers": {"stderr": handler},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {"gunicorn.error": logger, "gunicorn.access": logger},
    }


def formatter(service: str) -> logging.Formatter:
    """For records of Python's own logging."""
    return StdlibFormatter(
        exclude_fields=_LEFT_OUT, extra={"service.name": service}, ensure_ascii=False
    )


def _with_type_of_error(_: Any, __: str, event: Any) -> Any:
    if isinstance(error := event.get("exc_info"), BaseException):
        event["error_type"] = type(error).__name__
    return event


def _in_ecs(event: Any) -> dict[str, Any]:
    milliseconds = event.pop("milliseconds", None)
    said = {
        name if name in _THEIRS else _FIELDS.get(name, f"newsrec.{name}"): value
        for name, value in event.items()
    }
    if milliseconds is not None:
        said["event.duration"] = round(milliseconds * 1_000_000)  # nanoseconds
    return said


def _line(_: Any, level: str, event: Any) -> bytes:
    line: str = _FORMAT(None, level, event)
    return line.encode("utf-8", "backslashreplace")
