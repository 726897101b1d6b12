"""The JSON that services log, and gunicorn in the same form."""

import io
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog

from newsrec_common import logs
from support import ecs


@pytest.fixture
def _structlog_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_structlog_as_before")
def test_a_line_has_the_names_of_ecs(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    logs.configure("newsrec-x")
    log = structlog.get_logger()
    log.debug("not told")
    log.warning("é", method="GET", status=503, milliseconds=1.5, request_id="r", route="/v1")
    (line,) = ecs.lines(capfdbinary.readouterr().out.decode())
    assert line.pop("@timestamp")
    assert line.pop("ecs.version")
    assert line == {
        "log.level": "warning",
        "message": "é",
        "service.name": "newsrec-x",
        "http.request.method": "GET",
        "http.response.status_code": 503,
        "http.request.id": "r",
        "event.duration": 1_500_000,
        "newsrec.route": "/v1",
    }


@pytest.mark.usefixtures("_structlog_as_before")
def test_a_bug_brings_its_type_and_its_traceback(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    logs.configure("newsrec-x")
    try:
        raise KeyError("five")
    except KeyError as e:
        structlog.get_logger().error("bug", exc_info=e)
    (line,) = ecs.lines(capfdbinary.readouterr().out.decode())
    assert (line["log.level"], line["error.type"]) == ("error", "KeyError")
    assert line["error.stack_trace"].startswith("Traceback")


@pytest.mark.usefixtures("_structlog_as_before")
def test_a_broken_character_costs_no_line(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    logs.configure("newsrec-x")
    structlog.get_logger().info("action", alert="\ud800")
    (line,) = ecs.lines(capfdbinary.readouterr().out.decode())
    assert line["newsrec.alert"] == "\ud800"


def test_gunicorn_speaks_in_the_same_form() -> None:
    told = io.StringIO()
    settings = logs.of_gunicorn("newsrec-x")
    assert settings["formatters"]["ecs"]["()"] == "newsrec_common.logs.formatter"
    handler = logging.StreamHandler(told)
    handler.setFormatter(logs.formatter(settings["formatters"]["ecs"]["service"]))
    logger = logging.Logger("gunicorn.error")
    logger.addHandler(handler)
    logger.error("worker %s is gone", 7)
    (line,) = ecs.lines(told.getvalue())
    assert line.pop("@timestamp")
    assert line.pop("ecs.version")
    assert line == {
        "log.level": "error",
        "log.logger": "gunicorn.error",
        "message": "worker 7 is gone",
        "service.name": "newsrec-x",
    }
