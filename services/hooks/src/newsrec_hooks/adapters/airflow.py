"""Starts DAG runs by Airflow 3's REST API (/auth/token, /api/v2/dags/…/dagRuns)."""

import threading

from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.adapters.exchange import Answer, Server, exchange
from newsrec_hooks.adapters.interfaces import DagRun
from newsrec_hooks.errors import RefusedError, UnavailableError


class Airflow:
    """A DagRunner. It logs in when it must, and keeps the token until Airflow refuses it."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._server = Server.of("Airflow", url)
        self._user = user
        self._password = password
        self._token: str | None = None
        self._lock = threading.Lock()

    def start(self, run: DagRun, deadline: Deadline) -> bool:
        """Start a run; Airflow's unique key on (dag_id, run_id) lets one of two requests win.

        Raises:
            UnavailableError, RefusedError: see `interfaces`.
        """
        token = self._token or self._log_in(None, deadline)
        answer = self._post_run(run, token, deadline)
        # 401 is an expired token; 403 a signature of an Airflow that has another secret since, or
        # a user who may not, which a new token does not change.
        if answer.status in (401, 403):
            answer = self._post_run(run, self._log_in(token, deadline), deadline)
        if answer.status == 409:
            return False
        if answer.status != 200:
            raise RefusedError(f"Airflow refuses to start {run.dag_id}: it answers {answer.status}")
        return True

    def _post_run(self, run: DagRun, token: str, deadline: Deadline) -> Answer:
        content = {
            "dag_run_id": run.run_id,
            # Two alerts of one moment must not collide on a date; the day travels in `conf`.
            "logical_date": None,
            "conf": {"alert": run.alert, "day": run.day.isoformat()},
        }
        path = f"{self._server.prefix}/api/v2/dags/{run.dag_id}/dagRuns"
        headers = {"Authorization": f"Bearer {token}"}
        return exchange(self._server, deadline, "POST", path, content, headers)

    def _log_in(self, refused: str | None, deadline: Deadline) -> str:
        """A token other than `refused`; of several threads that need one, one asks."""
        if not self._lock.acquire(timeout=deadline.left("Airflow")):
            raise UnavailableError("Airflow does not answer in time")
        try:
            if self._token is None or self._token == refused:
                self._token = None
                self._token = self._ask_token(deadline)
            return self._token
        finally:
            self._lock.release()

    def _ask_token(self, deadline: Deadline) -> str:
        content = {"username": self._user, "password": self._password}
        path = f"{self._server.prefix}/auth/token"
        answer = exchange(self._server, deadline, "POST", path, content)
        token = answer.content.get("access_token")
        if answer.status not in (200, 201) or not isinstance(token, str) or not token:
            raise RefusedError(f"Airflow refuses our login: it answers {answer.status}")
        return token
