"""Runs in the real MLflow and the real Neptune, there, refusing, and silent for ever."""

import base64
import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking import sending, tracked
from newsrec_pipelines.tracking.outbox import Outbox
from support.models import make_version
from support.net import free_port
from support.postgres import REPOSITORY
from support.tracking import make_record, settings

pytestmark = pytest.mark.slow
VERSION = "20260306-00000001"


def test_a_run_and_those_left_from_before_reach_both_trackers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(settings(tmp_path).store_url)
    make_version(store, VERSION)
    FileRegistry(store).promote(VERSION, by="test", why="first")
    make_record(store, 1)  # of a run whose trackers were down
    with tracked(settings(tmp_path), "evaluate") as run:
        run.metrics({"news/auc": 0.75})
        run.figure("bars.svg", b"<svg/>")
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("TRACKERS", "mlflow,neptune")
    monkeypatch.setenv("TRACKING_LIMIT", "250")
    with pytest.raises(SystemExit) as ended:
        cli.main(["tracking", "sync"])
    assert ended.value.code == 0, [f.read_text() for f in (tmp_path / "tracking").glob("*.log")]
    assert capsys.readouterr().out == "mlflow: has all 2 records\nneptune: has all 2 records\n"
    for name in ("mlflow", "neptune"):
        assert Outbox(store, name, settings(tmp_path)).unsent() == []
    _is_in_mlflow(tmp_path, store)
    _is_in_neptune(tmp_path)


def _is_in_mlflow(folder: Path, store: Store) -> None:
    db = sqlite3.connect(folder / "mlflow" / "mlflow.db")
    try:
        assert sorted(db.execute("SELECT name, status FROM runs"))[1] == ("train 1", "FINISHED")
        assert ("news/auc", 0.75) in set(db.execute("SELECT key, value FROM metrics"))
        (source,) = db.execute("SELECT source FROM model_versions").fetchone()
        assert source == f"{store.url}/models/{VERSION}"
        alias = "SELECT alias, name FROM registered_model_aliases"
        assert db.execute(alias).fetchall() == [("champion", "newsrec")]
    finally:
        db.close()
    (picture,) = (folder / "mlflow" / "artifacts" / "newsrec-evaluate").rglob("bars.svg")
    assert picture.read_bytes() == b"<svg/>"


def _is_in_neptune(folder: Path) -> None:
    runs = list((folder / "neptune" / ".neptune" / "offline").iterdir())
    assert len(runs) == 2
    written = [b"".join(f.read_bytes() for f in run.glob("data-*.log")) for run in runs]
    assert sum(b"0.75" in w and b'"auc"' in w for w in written) == 1
    assert sum(b"als.reg" in w for w in written) == 1
    assert [f.read_bytes() for run in runs for f in run.rglob("*.svg")] == [b"<svg/>"]


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `support.mlflow_program` says."""
    folder = tmp_path_factory.mktemp("mlflow")
    refusing = f"http://127.0.0.1:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-m", "support.mlflow_program", str(folder), refusing],
        env={**sending.QUIET, **os.environ, "PYTHONPATH": str(REPOSITORY / "tests")},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["store"] = Store(settings(folder).store_url).url
    return found


def test_mlflow_keeps_a_run_once_even_if_it_is_sent_twice_or_in_halves(
    mlflow: dict[str, Any],
) -> None:
    finished, failed = mlflow["runs"]
    assert (finished["name"], finished["status"], finished["minutes"]) == ("train 1", "FINISHED", 1)
    assert finished["metrics"]["news/ndcg_at_10"] == 0.25
    assert finished["metrics"]["resources/cpu_seconds"] == 1.25
    assert "resources/written_bytes" not in finished["metrics"]
    assert finished["params"] == {"als.reg": "0.05"}
    assert finished["tags"]["git_commit"] == "abc"
    assert finished["tags"]["data_hash"] == "0" * 64
    assert finished["files"] == ["a.svg"]
    assert (failed["name"], failed["status"]) == ("train 2", "FAILED")
    assert failed["tags"]["mlflow.note.content"] == "DataError: line 7"


def test_mlflow_registers_our_folders_with_our_aliases(mlflow: dict[str, Any]) -> None:
    first = mlflow["first"]
    assert first["aliases"] == {"champion": VERSION, "challenger": "20260307-00000002"}
    assert first["versions"][VERSION] == {
        "source": f"{mlflow['store']}/models/{VERSION}",
        "removed": None,
        "git_commit": "abc",
        "data_hash": "0" * 64,
        "run": True,  # the training that made it
    }
    assert first["versions"]["20260307-00000002"]["run"] is False  # of which nobody knows


def test_mlflow_follows_promotions_and_removals(mlflow: dict[str, Any]) -> None:
    promoted, removed = mlflow["promoted"], mlflow["removed"]
    assert promoted["aliases"] == {"champion": "20260307-00000002"}
    assert promoted["count"] == removed["count"] == 2
    assert removed["versions"][VERSION]["removed"] == "true"
    assert removed["versions"]["20260307-00000002"]["removed"] is None


def test_a_server_that_refuses_and_one_that_cannot_know_our_folder_are_errors(
    mlflow: dict[str, Any],
) -> None:
    assert mlflow["refused"] == "MlflowException"
    assert "registers models of an object store only" in mlflow["folder"]


def test_servers_that_are_silent_for_ever_delay_no_stage(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as for_mlflow,
        socket.create_server(("127.0.0.1", 0)) as for_neptune,
    ):
        addresses = [f"http://127.0.0.1:{s.getsockname()[1]}" for s in (for_mlflow, for_neptune)]
        token = base64.b64encode(json.dumps({"api_address": addresses[1]}).encode()).decode()
        there = settings(
            tmp_path,
            TRACKERS="mlflow,neptune",
            TRACKING_LIMIT="500",
            MLFLOW_TRACKING_URI=addresses[0],
            NEPTUNE_API_TOKEN=token,
        )
        with tracked(there, "train"):
            pass
        # The stage has ended. Its senders have only begun: they ask, and wait for ever.
        try:
            for server in (for_mlflow, for_neptune):
                server.settimeout(200)
                asked, _ = server.accept()
                asked.close()
        finally:
            _end_senders(there.var)
    for name in ("mlflow", "neptune"):
        assert len(Outbox(Store(there.store_url), name, there).unsent()) == 1


def test_a_stage_that_waits_for_a_silent_server_does_so_up_to_its_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = settings(
            tmp_path,
            TRACKERS="mlflow",
            TRACKING_WAIT="2",
            MLFLOW_TRACKING_URI=f"http://127.0.0.1:{server.getsockname()[1]}",
        )
        began = time.monotonic()
        with tracked(there, "train"):
            pass
        # Silence lasts for ever, and MLflow's own patience for minutes.
        assert 1 < time.monotonic() - began < 30
    assert "newsrec: mlflow has not got all records" in capsys.readouterr().err
    assert len(Outbox(Store(there.store_url), "mlflow", there).unsent()) == 1
    with (there.var / "tracking" / "mlflow.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody is left


def _end_senders(var: Path) -> None:
    for log in (var / "tracking").glob("*.log"):
        for line in log.read_text().splitlines():
            if " sends to " in line:
                with suppress(ProcessLookupError):
                    os.kill(int(line.split()[2]), signal.SIGKILL)


def test_sync_says_which_tracker_lacks_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_record(Store(settings(tmp_path).store_url), 1)
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("TRACKERS", "mlflow")
    monkeypatch.setenv("TRACKING_LIMIT", "0.2")
    with pytest.raises(SystemExit) as ended:
        cli.main(["tracking", "sync"])
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == "mlflow: lacks 1 of 1 records\n"
    assert "newsrec: mlflow has not got everything" in said.err


def test_the_page_of_nothing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        cli.main(["tracking", "page"])
    assert ended.value.code == 1
    assert "nothing was recorded yet: run make demo" in capsys.readouterr().err
    assert not (tmp_path / "mlflow").exists()
