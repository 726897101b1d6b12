"""Tells how a task ended: a structured log line, a metric, and, of a failure, a call of a hook.

Telling never fails and never waits long: a task does not end badly because nobody listened.
"""

import json
import logging
import os
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("newsrec.dags")

_SECONDS = 5.0


def failed(context: Mapping[str, Any]) -> None:
    """After the last try."""
    told = _told("task_failed", context)
    log.error(json.dumps(told))
    _push("newsrec_task_failed_timestamp_seconds", context)
    if hook := os.environ.get("NEWSREC_FAILURE_HOOK"):
        _send(hook, json.dumps(told).encode(), "application/json")


def tried(context: Mapping[str, Any]) -> None:
    """After a try that is followed by another one."""
    log.warning(json.dumps(_told("task_tried", context)))


def succeeded(context: Mapping[str, Any]) -> None:
    """So that Prometheus can miss a success that does not come."""
    _push("newsrec_task_succeeded_timestamp_seconds", context)


def _told(event: str, context: Mapping[str, Any]) -> dict[str, Any]:
    ti, run = context["ti"], context["dag_run"]
    return {
        "event": event,
        "dag_id": ti.dag_id,
        "task_id": ti.task_id,
        "run_id": run.run_id,
        "logical_date": run.logical_date.isoformat() if run.logical_date else None,
        "try_number": ti.try_number,
        "error": str(context.get("exception") or ""),
    }


def _push(metric: str, context: Mapping[str, Any]) -> None:
    if not (gateway := os.environ.get("PUSHGATEWAY_URL")):
        return
    ti = context["ti"]
    group = "/".join(
        urllib.parse.quote(part, safe="")
        for part in ("job", "newsrec-airflow", "dag_id", ti.dag_id, "task_id", ti.task_id)
    )
    body = f"# TYPE {metric} gauge\n{metric} {time.time():.3f}\n"
    _send(f"{gateway.rstrip('/')}/metrics/{group}", body.encode(), "text/plain")


def _send(url: str, body: bytes, content_type: str) -> None:
    try:
        request = urllib.request.Request(  # noqa: S310 - the operator's own setting
            url, data=body, headers={"Content-Type": content_type}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 - as above
            pass
    except (OSError, ValueError) as e:
        # Without the URL: it may hold a token.
        log.warning(json.dumps({"event": "not_told", "error": type(e).__name__}))
