"""What Airflow tells by StatsD, as the exporter of the cluster gives it to Prometheus."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from support.airflow_server import Script
from support.alerting import HTTP, eventually
from support.cluster import K8S
from support.metrics import FOREIGN
from support.net import free_port

MAPPING = K8S / "base/exporters/statsd.yml"
DAG = {"dag_id": "retrain", "run_type": "scheduled"}
TOLD: list[dict[str, Any]] = [
    {"name": "scheduler_heartbeat", "type": "counter", "value": 2, "tags": {}},
    {"name": "dag_processing.import_errors", "type": "gauge", "value": 3, "tags": {}},
    {"name": "executor.running_tasks", "type": "gauge", "value": 1, "tags": {}},
    {"name": "executor.queued_tasks", "type": "gauge", "value": 0, "tags": {}},
    {"name": "dagrun.duration.success", "type": "timer", "value": 90_000, "tags": DAG},
    {"name": "dagrun.duration.failed", "type": "timer", "value": 5_000, "tags": DAG},
    {
        "name": "ti.finish",
        "type": "counter",
        "value": 1,
        "tags": {"dag_id": "retrain", "task_id": "train", "state": "success", "run_id": "r"},
    },
]
# Something that nobody looks at.
OTHER = {"name": "dag_processing.total_parse_time", "type": "gauge", "value": 1, "tags": {}}


def _settings(port: int) -> dict[str, str]:
    """Those of the cluster, but here."""
    text = (K8S / "base/airflow/config.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)["data"]
    found = {k: v for k, v in data.items() if k.startswith("AIRFLOW__METRICS__")}
    here = {"AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1", "AIRFLOW__METRICS__STATSD_PORT": port}
    assert set(here) < set(found)
    return {**found, **{k: str(v) for k, v in here.items()}}


def test_airflow_has_these_metrics_and_sends_their_tags(airflow_script: Script) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(20)
        settings = _settings(listening.getsockname()[1])
        assert airflow_script("emit_statsd.py", stdin=TOLD, **settings) == []
        sent = [listening.recv(4096).decode()]
        while not sent[-1].startswith("airflow.ti."):  # Airflow tells of its own start as well
            sent.append(listening.recv(4096).decode())
    assert "airflow.scheduler_heartbeat:2|c" in sent
    # The run's id is left out: each run would be a series.
    assert sent[-1] == "airflow.ti.finish,dag_id=retrain,task_id=train,state=success:1|c"
    assert airflow_script("emit_statsd.py", stdin=[{**TOLD[0], "name": "x"}], **settings) == ["x"]


def test_the_exporter_knows_each_of_them_and_no_other() -> None:
    mappings = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))["mappings"]
    *kept, last = [(m["match"], m["name"]) for m in mappings]
    assert kept == [
        (f"airflow.{m['name']}", f"airflow_{m['name'].replace('.', '_')}") for m in TOLD
    ]
    assert (last[0], mappings[-1]["action"]) == (".", "drop")
    asked = {name for name, job in FOREIGN.items() if job == "airflow"}
    made = {name for _, name in kept}
    ends = ("", "_count", "_sum")
    assert {n for n in asked if not {n.removesuffix(end) for end in ends} & made} == set()


def test_prometheus_gets_them_in_seconds_and_by_dag(airflow_script: Script, tmp_path: Path) -> None:
    with _exporter(tmp_path) as (address, port):
        airflow_script("emit_statsd.py", stdin=[*TOLD, OTHER], **_settings(port))
        text = eventually(lambda: _found(address, "airflow_ti_finish"), "the exporter has them")
    assert "airflow_scheduler_heartbeat 2" in text
    assert "airflow_dag_processing_import_errors 3" in text
    assert 'airflow_ti_finish{dag_id="retrain",state="success",task_id="train"} 1' in text
    labels = 'dag_id="retrain",run_type="scheduled"'
    assert f"airflow_dagrun_duration_success_sum{{{labels}}} 90" in text
    assert f'airflow_dagrun_duration_success_bucket{{{labels},le="300"}} 1' in text
    assert "total_parse_time" not in text
    for name, job in FOREIGN.items():
        if job == "airflow":
            assert f"\n{name}" in text


def _found(address: str, name: str) -> str:
    text = HTTP.request("GET", f"{address}/metrics").data.decode()
    return text if name in text else ""


@contextmanager
def _exporter(folder: Path) -> Iterator[tuple[str, int]]:
    """The real one, with the arguments of its container; its address, and its port for StatsD."""
    program = shutil.which("statsd_exporter")
    if program is None:
        pytest.skip("no statsd_exporter: see .ci/packages")
    port, statsd = free_port(), free_port()
    objects = yaml.safe_load_all((K8S / "base/exporters/airflow.yaml").read_text(encoding="utf-8"))
    (container,) = next(objects)["spec"]["template"]["spec"]["containers"]
    arguments = [a.replace("/etc/statsd-exporter", str(MAPPING.parent)) for a in container["args"]]
    arguments = [a.replace(":9125", f"127.0.0.1:{statsd}") for a in arguments]
    with (folder / "statsd.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *arguments, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
        )
        try:
            address = f"http://127.0.0.1:{port}"
            eventually(lambda: _ready(address), "the exporter is ready")
            yield address, statsd
        finally:
            process.terminate()
            process.wait(timeout=30)


def _ready(address: str) -> bool:
    try:
        return HTTP.request("GET", f"{address}/-/ready").status == 200
    except urllib3.exceptions.HTTPError:
        return False
