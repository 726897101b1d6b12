"""The two endpoints of Airflow 3.3's REST API that start a run, with its checks and its statuses.

After airflow/api_fastapi: auth/managers/simple/routes/login.py, core_api/security.py,
core_api/routes/public/dag_run.py and core_api/datamodels/dag_run.py of 3.3.2.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.http_fake import Asked, http_fake

USER, PASSWORD = "hooks", "airflow-password-of-the-tests"
_RUNS = re.compile(r"/api/v2/dags/([^/]+)/dagRuns")
_RUN_ID = re.compile(r"^[A-Za-z0-9_.~:+-]+$")
_KEPT = re.compile(r"(backfill|scheduled|operator_triggered|asset_\w+?)__")
_FIELDS = {
    *("dag_run_id", "data_interval_start", "data_interval_end", "logical_date", "run_after"),
    *("conf", "note", "partition_key"),
}


@dataclass
class FakeAirflow:
    """An Airflow with these DAGs. A test may expire its tokens, change its secret, or fail it."""

    dags: tuple[str, ...] = ("retrain",)
    runs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    logins: int = 0
    refused: int = 0
    failing_with: int | None = None
    forbidden: bool = False
    _tokens: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    def expire_tokens(self) -> None:
        """As after `[api_auth] jwt_expiration_time`."""
        self._tokens = dict.fromkeys(self._tokens, "expired")

    def change_secret(self) -> None:
        """As after a restart with another `[api_auth] jwt_secret`."""
        self._tokens = {}

    def answer(self, asked: Asked) -> tuple[int, Any]:
        self.arrived.set()
        self.go_on.wait(60)
        if self.failing_with:
            return self.failing_with, {"detail": "hush-hush"}
        if (asked.method, asked.path) == ("POST", "/auth/token"):
            return self._login(asked.body)
        if asked.method == "POST" and (found := _RUNS.fullmatch(asked.path)):
            return self._authorized(asked) or self._trigger(found[1], asked.body)
        return 404, {"detail": "Not Found"}

    def _login(self, body: Any) -> tuple[int, Any]:
        if not isinstance(body, dict) or set(body) != {"username", "password"}:
            return 422, {"detail": [{"msg": "Field required"}]}
        if body != {"username": USER, "password": PASSWORD}:
            return 401, {"detail": "Invalid credentials"}
        with self._lock:
            self.logins += 1
            token = f"token-{self.logins}"
            self._tokens[token] = "good"
        return 201, {"access_token": token}

    def _authorized(self, asked: Asked) -> tuple[int, Any] | None:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        state = self._tokens.get(token)
        if scheme.lower() != "bearer" or not token or state == "expired":
            self.refused += 1
            return 401, {"detail": "Token Expired" if state else "Not authenticated"}
        if state is None:
            self.refused += 1
            return 403, {"detail": "Invalid JWT token"}
        return (403, {"detail": "Forbidden"}) if self.forbidden else None

    def _trigger(self, dag_id: str, body: Any) -> tuple[int, Any]:
        if not isinstance(body, dict) or "logical_date" not in body or set(body) - _FIELDS:
            return 422, {"detail": [{"msg": "Extra inputs are not permitted"}]}
        if dag_id not in self.dags:
            return 404, {"detail": f"Dag with dag_id: '{dag_id}' not found"}
        run_id = body.get("dag_run_id")
        if not isinstance(run_id, str) or not _RUN_ID.match(run_id) or ".." in run_id:
            return 400, {"detail": f"The run_id provided '{run_id}' does not match"}
        if _KEPT.match(run_id):
            return 400, {"detail": "reserved"}
        with self._lock:  # the unique key of its table
            if any(dag == dag_id and run["dag_run_id"] == run_id for dag, run in self.runs):
                return 409, {"detail": {"reason": "Unique constraint violation"}}
            self.runs.append((dag_id, body))
        return 200, {"dag_run_id": run_id, "dag_id": dag_id, "state": "queued", "note": None}


@contextmanager
def fake_airflow(airflow: FakeAirflow, port: int = 0) -> Iterator[str]:
    """Serve `airflow` on loopback; gives its address."""
    with http_fake(airflow.answer, port) as address:
        try:
            yield address
        finally:
            airflow.go_on.set()
