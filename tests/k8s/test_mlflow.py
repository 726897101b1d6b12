"""MLflow's server as its pod runs it: on PostgreSQL and S3, with a stage's records."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking import tracked
from support.alerting import eventually
from support.cluster import REPOSITORY, Object, declared_secrets, named
from support.models import make_version
from support.net import free_port
from support.object_store import BUCKET

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
VERSION = "20260306-00000001"
HTTP = urllib3.PoolManager(retries=False, timeout=30.0)


def test_stages_find_their_server_in_it_and_nobody_else_does(
    kind: list[Object],
    s3: dict[str, str],
    empty_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(f"s3://{BUCKET}")
    make_version(store, VERSION)
    FileRegistry(store).promote(VERSION, by="test", why="first")
    stages = named(kind, "ConfigMap", "newsrec-pipelines")["data"]
    assert stages["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    env = {**os.environ, "NEWSREC_VAR": str(tmp_path), "STORE_URL": store.url}
    with tracked(Settings.from_env({**env, "TRACKERS": "none"}), "evaluate") as run:
        run.figure("bars.svg", b"<svg/>")

    with _server(kind, s3, empty_database_url, tmp_path) as address:
        settings = {"TRACKERS": stages["TRACKERS"], "MLFLOW_TRACKING_URI": address}
        sent = subprocess.run(
            [sys.executable, "-m", "newsrec_pipelines.cli", "tracking", "sync"],
            env={**env, **settings, "TRACKING_LIMIT": "300"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert sent.returncode == 0, sent.stdout + sent.stderr
        found = _ask(address, "runs/search", {"experiment_ids": _experiments(address)})
        (recorded,) = found["runs"]
        assert recorded["info"]["status"] == "FINISHED"
        assert recorded["info"]["artifact_uri"].startswith("mlflow-artifacts:/")
        (alias,) = _ask(address, "registered-models/get?name=newsrec")["registered_model"][
            "aliases"
        ]
        assert alias["alias"] == "champion"
        # A page in a browser that was led astray has another name in its question.
        assert _status(address, "mlflow.example") == 403
    # A sender that was ended in between sends again, and leaves the files of its first try.
    pictures = [k for k in store.keys("mlflow") if k.endswith("bars.svg")]
    assert {store.read_bytes(k) for k in pictures} == {b"<svg/>"}


@contextmanager
def _server(
    objects: list[Object], s3: dict[str, str], database_url: str, folder: Path
) -> Iterator[str]:
    """What the image does, told what the pod is told: the init container, then the server."""
    pod = named(objects, "Deployment", "mlflow")["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False
    (upgrade,), (server,) = pod["initContainers"], pod["containers"]
    told = dict(named(objects, "ConfigMap", "mlflow")["data"])
    told["MLFLOW_ARTIFACTS_DESTINATION"] = told["MLFLOW_ARTIFACTS_DESTINATION"].replace(
        "s3://newsrec/", f"s3://{BUCKET}/"
    )
    secret = {
        "MLFLOW_BACKEND_STORE_URI": database_url.replace("postgresql:", "postgresql+psycopg2:"),
        "AWS_ENDPOINT_URL": s3["AWS_ENDPOINT_URL_S3"],
        "AWS_ACCESS_KEY_ID": s3["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": s3["AWS_SECRET_ACCESS_KEY"],
    }
    assert set(secret) == declared_secrets()["mlflow"]
    path = f"{Path(sys.executable).parent}:{os.defpath}"
    env = {"PATH": path, "HOME": str(folder), **_of_image("base"), **_of_image("mlflow")}
    env |= {**told, **secret, "PATH": path, "HOME": str(folder)}
    command = [*upgrade["command"], *upgrade["args"]]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    port = str(free_port())
    entrypoint = [port if part == "5000" else part for part in _entrypoint()]
    assert port in entrypoint
    log = folder / "mlflow.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*entrypoint, *server["args"]], env=env, cwd=folder, stdout=output, stderr=output
        )
        try:
            address = f"http://127.0.0.1:{port}"
            (probe,) = {server[p]["httpGet"]["path"] for p in ("startupProbe", "readinessProbe")}
            eventually(lambda: _healthy(address + probe), "MLflow is ready", 300)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


def _target(name: str) -> str:
    text = (REPOSITORY / "infra/docker/Dockerfile").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^FROM \S+ AS {name}$(.*?)(?=^FROM|\Z)", text, re.M | re.S)
    return str(found)


def _of_image(name: str) -> dict[str, str]:
    """Variables of a target that are plain text."""
    pairs = re.findall(r"^(?:ENV|   ) ?([A-Z_]+=.*?)\\?$", _target(name), re.M)
    found = dict(p.split("=", 1) for line in pairs for p in line.split())
    return {k: v for k, v in found.items() if "$" not in v}


def _entrypoint() -> list[str]:
    (found,) = re.findall(r"^ENTRYPOINT (\[.*\])$", _target("mlflow"), re.M)
    return list(json.loads(found))


def _healthy(url: str) -> bool:
    try:
        return HTTP.request("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _ask(address: str, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """As a stage does, by the name of the Service."""
    answer = HTTP.request(
        "POST" if body else "GET",
        f"{address}/api/2.0/mlflow/{what}",
        json=body,
        headers={"Host": "mlflow:5000"},
    )
    assert answer.status == 200, answer.data
    return dict(answer.json())


def _experiments(address: str) -> list[str]:
    found = _ask(address, "experiments/search", {"max_results": 10})["experiments"]
    return [e["experiment_id"] for e in found if e["name"] == "newsrec-evaluate"]


def _status(address: str, host: str) -> int:
    url = f"{address}/api/2.0/mlflow/registered-models/get?name=newsrec"
    return HTTP.request("GET", url, headers={"Host": host}).status
