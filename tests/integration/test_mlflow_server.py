"""MLflow as elsewhere than on a laptop: on PostgreSQL, by a server, with all files in a bucket."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from newsrec_pipelines import cli
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking import tracked
from support.alerting import HTTP, eventually
from support.models import make_version
from support.net import free_port
from support.object_store import BUCKET
from support.postgres import query

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FIRST, SECOND = "20260306-00000001", "20260307-00000002"
_RUNS = "SELECT name, status FROM runs ORDER BY start_time"
_CHAMPION = """
SELECT v.source, v.run_id FROM registered_model_aliases a
JOIN model_versions v ON v.name = a.name AND v.version = a.version WHERE a.alias = 'champion'
"""


def test_the_page_of_a_database_is_a_server_for_others(
    s3: dict[str, str],
    empty_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one test, since MLflow takes its time to start."""
    store = Store(f"s3://{BUCKET}/served")
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)
    monkeypatch.setenv("TRACKING_LIMIT", "400")
    monkeypatch.setenv("MLFLOW_ARTIFACT_ROOT", f"s3://{BUCKET}/mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", empty_database_url)
    _train(store, FIRST)

    with _page(tmp_path) as address:
        # It has made its tables, and has what was recorded before anybody asked.
        assert query(empty_database_url, _RUNS) == [(f"train {FIRST}", "FINISHED")]
        ((source, _),) = query(empty_database_url, _CHAMPION)
        assert source == f"{store.url}/models/{FIRST}"

        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setenv("TRACKERS", "mlflow")
        _train(store, SECOND)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(["tracking", "sync"])
        log = (tmp_path / "tracking" / "mlflow.log").read_text()
        assert ended.value.code == 0, log
        assert capsys.readouterr().out == "mlflow: has all 2 records\n"

    # The server is another place and gets all of them; what it has is kept once.
    assert [name for name, _ in query(empty_database_url, _RUNS)] == [
        f"train {FIRST}",
        f"train {SECOND}",
    ]
    ((source, run),) = query(empty_database_url, _CHAMPION)
    assert source == f"{store.url}/models/{SECOND}"
    there = Store(f"s3://{BUCKET}/mlflow")
    (picture,) = (key for key in there.keys("newsrec-train") if f"/{run}/" in f"/{key}")
    assert there.read_bytes(picture) == SECOND.encode()


def _train(store: Store, version: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKERS", "none")
        with tracked(Settings.from_env(os.environ), "train") as run:
            make_version(store, version)
            run.name = f"train {version}"
            run.tags(model_version=version)
            run.figure("importance.svg", version.encode())
        FileRegistry(store).promote(version, by="test", why="newer")


@contextmanager
def _page(folder: Path) -> Iterator[str]:
    """What `make mlflow` starts; ended as by Ctrl-C, and all that it started with it."""
    port = free_port()
    command = (sys.executable, "-m", "newsrec_pipelines.cli", "tracking", "page")
    with (folder / "page.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        try:
            eventually(lambda: _answers(f"{address}/health", process), "MLflow's page", 600)
        except AssertionError as e:
            raise AssertionError((folder / "page.log").read_text()) from e
        yield address
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(url: str, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None
    try:
        return HTTP.request("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False
