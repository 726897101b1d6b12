"""JSON logs of ECS's fields: what happened, never what was in a body, and no secret."""

import logging
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import structlog

ECS: Final = "8.11.0"
SERVICE: Final = "newsrec-hooks"
# Our words -> those of ECS, where it has one; all others are below `newsrec`.
_FIELDS: Final = {
    "method": "http.request.method",
    "status": "http.response.status_code",
    "request_id": "http.request.id",
    "exception": "error.stack_trace",
    "error_type": "error.type",
    "logger": "log.logger",
}


def configure(level: int = logging.INFO) -> None:
    """Set structlog up for this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _with_type_of_error,
            structlog.processors.format_exc_info,
            _as_ecs,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )


def of_gunicorn() -> dict[str, Any]:
    """Gunicorn's own words in the same form: its setting `logconfig_dict`."""
    handler = {"class": "logging.StreamHandler", "formatter": "ecs"}
    logger = {"level": "WARNING", "handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ecs": {"()": f"{__name__}.Formatter"}},
        "handlers": {"stderr": handler},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {"gunicorn.error": logger, "gunicorn.access": logger},
    }


class Formatter(logging.Formatter):
    """Records of Python's own logging."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        said: dict[str, Any] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(_as_ecs(None, "", said)).decode()


def _with_type_of_error(_: Any, __: str, event: Any) -> Any:
    if isinstance(error := event.get("exc_info"), BaseException):
        event["error_type"] = type(error).__name__
    return event


def _as_ecs(_: Any, __: str, event: Any) -> Any:
    said = {
        "@timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "log.level": event.pop("level"),
        "message": event.pop("event"),
        "ecs.version": ECS,
        "service.name": SERVICE,
    }
    if (milliseconds := event.pop("milliseconds", None)) is not None:
        said["event.duration"] = round(milliseconds * 1_000_000)  # nanoseconds
    return said | {_FIELDS.get(name, f"newsrec.{name}"): v for name, v in event.items()}
