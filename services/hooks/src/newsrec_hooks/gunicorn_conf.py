"""Gunicorn's settings, for `gunicorn -c python:newsrec_hooks.gunicorn_conf`.

Gunicorn reads this module's names as its settings, once, in the process that starts the workers.
"""

import os

from newsrec_common import logs
from newsrec_hooks.settings import whole_number

bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{whole_number(os.environ, 'HOOKS_PORT', 8090)}"
# A few requests an hour: one process, which keeps one token of Airflow's and counts alone. Its
# threads answer probes and Prometheus while another waits for Airflow.
workers = 1
threads = whole_number(os.environ, "THREADS", 4)
worker_class = "gthread"
keepalive = 0  # a few requests are worth no open connection, which would hold up the end
timeout = 30
graceful_timeout = 15  # an action that was begun may end
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108
accesslog = None  # the application logs requests itself, without bodies and tokens
loglevel = "warning"
logconfig_dict = logs.of_gunicorn("newsrec-hooks")
control_socket_disable = True
