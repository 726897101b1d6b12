"""Gunicorn's settings: `gunicorn -c python:newsrec_api.gunicorn_conf newsrec_api.bootstrap:app()`.

Gunicorn reads this module's names as its settings, once, in the process that starts the workers.
"""

import os
import shutil
import tempfile
from datetime import UTC, datetime
from typing import Any

from newsrec_api.settings import whole_number
from newsrec_common import logs

bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{whole_number(os.environ, 'PORT', 8000)}"
workers = whole_number(os.environ, "WORKERS", 2)
# With one thread gunicorn takes its sync workers: the cheapest, for a place behind a proxy. Without
# one, threads keep a slow client or a browser's idle connection from holding a whole worker.
threads = whole_number(os.environ, "THREADS", 1)
worker_class = "sync" if threads == 1 else "gthread"
keepalive = 5
timeout = 30
graceful_timeout = 10
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108
accesslog = None  # the application logs requests itself, without readers' ids and tokens
loglevel = "warning"
logconfig_dict = logs.of_gunicorn("newsrec-api")
control_socket_disable = True

# All workers count into one place, and began at one moment.
_own_metrics_dir = None
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    _own_metrics_dir = tempfile.mkdtemp(prefix="newsrec-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _own_metrics_dir
os.environ.setdefault("CLOCK_BEGAN", datetime.now(UTC).isoformat())


def child_exit(server: Any, worker: Any) -> None:
    """Forget the live gauges of a worker that ended."""
    from prometheus_client import multiprocess  # reads PROMETHEUS_MULTIPROC_DIR when imported

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Remove the folder of counts that we made."""
    if _own_metrics_dir:
        shutil.rmtree(_own_metrics_dir, ignore_errors=True)
