"""What a stage did, in the text that Prometheus reads: counted on, never half, never in the way."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families

from newsrec_pipelines import cli, stage_metrics
from newsrec_pipelines.commands import RUN_A_DAY, Command
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.stage_metrics import Recorder, StageMetrics
from support.http_fake import http_fake
from support.pushgateway import Gateway, pushgateway, real_pushgateway

__all__ = ["real_pushgateway"]  # a fixture


def settings(tmp_path: Path, **env: str) -> Settings:
    return Settings.from_env({"NEWSREC_VAR": str(tmp_path), **env})


def read(text: str) -> dict[str, float]:
    """Samples of stage `etl` as ``name{other labels}``."""
    found = {}
    for family in text_string_to_metric_families(text):
        for s in family.samples:
            if s.labels.get("stage") == "etl":
                ignored = ("stage", "job", "instance")
                others = {k: v for k, v in s.labels.items() if k not in ignored}
                found[s.name + "".join(f" {k}={v}" for k, v in sorted(others.items()))] = s.value
    return found


def in_file(tmp_path: Path) -> dict[str, float]:
    return read((tmp_path / "metrics" / "etl.prom").read_text())


def record(
    where: Settings, metrics: StageMetrics | None = None, at: float = 1000.0, *, good: bool = True
) -> None:
    Recorder(lambda: at).record(where, "etl", metrics or StageMetrics(), succeeded=good)


def test_a_run_leaves_what_it_did_and_used(tmp_path: Path) -> None:
    metrics = StageMetrics()
    metrics.rows("reads", 5)
    metrics.rows("reads", 7)
    metrics.rows("users", 3)
    metrics.dead_letters("reads", 2)
    metrics.gauges([("newsrec_drifted", {"name": "taste"}, 1.0)])
    record(settings(tmp_path), metrics)
    found = in_file(tmp_path)
    assert found["newsrec_stage_rows what=reads"] == 12
    assert found["newsrec_stage_rows what=users"] == 3
    assert found["newsrec_stage_dead_letters entity=reads"] == 2
    assert found["newsrec_drifted name=taste"] == 1
    assert found["newsrec_stage_runs_total outcome=succeeded"] == 1
    assert found["newsrec_stage_runs_total outcome=failed"] == 0
    assert found["newsrec_stage_success"] == 1
    assert found["newsrec_stage_last_success_timestamp_seconds"] == 1000
    assert found["newsrec_stage_duration_seconds"] >= 0
    assert found["newsrec_stage_cpu_seconds"] >= 0
    assert found["newsrec_stage_peak_memory_bytes"] > 10_000_000


@pytest.mark.parametrize("gateway", [False, True])
def test_runs_are_counted_and_a_failure_keeps_the_last_success(
    tmp_path: Path, gateway: bool
) -> None:
    with pushgateway() as gate:
        url = {"PUSHGATEWAY_URL": gate.url} if gateway else {}
        where = settings(tmp_path, **url)
        metrics = StageMetrics()
        metrics.rows("reads", 5)
        record(where, metrics, at=1000)
        record(where, at=2000, good=False)
        record(where, at=3000, good=False)
        found = read(gate.text()) if gateway else in_file(tmp_path)
        # Only one of the two places has it.
        assert (tmp_path / "metrics").exists() is not gateway
    assert found["newsrec_stage_runs_total outcome=succeeded"] == 1
    assert found["newsrec_stage_runs_total outcome=failed"] == 2
    assert found["newsrec_stage_success"] == 0
    assert found["newsrec_stage_last_success_timestamp_seconds"] == 1000
    assert found["newsrec_stage_last_run_timestamp_seconds"] == 3000
    assert found["newsrec_stage_rows what=reads"] == 5


def test_what_the_last_run_said_of_a_gauge_is_forgotten(tmp_path: Path) -> None:
    for name in ("taste", "language"):
        metrics = StageMetrics()
        metrics.gauge("newsrec_drifted", 1.0, {"name": name})
        record(settings(tmp_path), metrics)
    assert [k for k in in_file(tmp_path) if "drifted" in k] == ["newsrec_drifted name=language"]


def test_another_stage_has_counts_of_its_own(tmp_path: Path) -> None:
    with pushgateway() as gate:
        where = settings(tmp_path, PUSHGATEWAY_URL=gate.url)
        Recorder().record(where, "train", StageMetrics(), succeeded=True)
        record(where)
        assert read(gate.text())["newsrec_stage_runs_total outcome=succeeded"] == 1


@contextmanager
def _silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def _trickling() -> Iterator[str]:
    """Answers with a byte now and then: no timeout of a socket ends that."""
    ended = threading.Event()

    def serve(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not ended.wait(0.05):
                client.sendall(b"#")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        ended.set()
        thread.join()


@contextmanager
def _refusing() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    yield url


@pytest.mark.parametrize("server", [_silent, _trickling, _refusing])
def test_a_gateway_that_gives_no_answer_is_left_for_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server: object,
) -> None:
    monkeypatch.setattr(stage_metrics, "_SECONDS", 0.5)
    with server() as url:  # type: ignore[operator]
        began = time.monotonic()
        record(settings(tmp_path, PUSHGATEWAY_URL=url))
        # Far from the limit, and far from for ever: the machine may be busy.
        assert time.monotonic() - began < 30
    assert in_file(tmp_path)["newsrec_stage_success"] == 1
    said = capsys.readouterr().err
    assert said.startswith(f"newsrec: metrics of this stage: {url}: ")
    assert len(said.splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "metrics").write_text("a file where the folder should be")
    record(settings(tmp_path))
    assert "newsrec: metrics of this stage: not recorded" in capsys.readouterr().err


def test_a_gateway_that_refuses_what_it_gets_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with http_fake(lambda asked: (400, {"error": "no"})) as url:
        record(settings(tmp_path, PUSHGATEWAY_URL=url))
    assert "HTTP Error 400" in capsys.readouterr().err
    assert in_file(tmp_path)["newsrec_stage_success"] == 1


def test_a_file_that_is_no_metrics_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "etl.prom").write_text("what{ is this")
    record(settings(tmp_path))
    assert in_file(tmp_path)["newsrec_stage_runs_total outcome=succeeded"] == 1
    assert [f.name for f in (tmp_path / "metrics").iterdir()] == ["etl.prom"]


@click.command()
@click.pass_obj
def _etl(context: object) -> None:
    context.metrics.rows("reads", 4)  # type: ignore[attr-defined]


@click.command()
def _failing() -> None:
    raise DataError("line 7")


@pytest.mark.parametrize(
    ("command", "arguments", "status", "outcome"),
    [
        ("_etl", [], 0, "succeeded"),
        ("_failing", [], 1, "failed"),
        ("_etl", ["--dat"], 2, "failed"),
        ("_etl", ["--help"], 0, None),
    ],
)
def test_the_command_line_records_every_stage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    arguments: list[str],
    status: int,
    outcome: str | None,
) -> None:
    import sys

    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    probe = Command(f"{__name__}:{command}", RUN_A_DAY, "")
    monkeypatch.setattr(cli, "COMMANDS", {"etl": probe})
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    with pytest.raises(SystemExit) as ended:
        cli.main(["etl", *arguments])
    assert ended.value.code == status
    if outcome is None:
        assert not (tmp_path / "metrics").exists()
        return
    found = in_file(tmp_path)
    assert found[f"newsrec_stage_runs_total outcome={outcome}"] == 1
    assert ("newsrec_stage_rows what=reads" in found) is (outcome == "succeeded")


def test_what_a_person_asks_is_no_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    with pytest.raises(SystemExit):
        cli.main(["explain", "--no-such-option"])
    assert not (tmp_path / "metrics").exists()


def test_the_gateway_of_the_tests_is_like_the_real_one(real_pushgateway: Gateway) -> None:
    where = Settings.from_env({"PUSHGATEWAY_URL": real_pushgateway.url})
    metrics = StageMetrics()
    metrics.rows("reads", 5)
    record(where, metrics)
    record(where, good=False)
    found = read(real_pushgateway.text())
    assert found["newsrec_stage_runs_total outcome=succeeded"] == 1
    assert found["newsrec_stage_runs_total outcome=failed"] == 1
    assert found["newsrec_stage_rows what=reads"] == 5
    assert found["newsrec_stage_last_success_timestamp_seconds"] == 1000
