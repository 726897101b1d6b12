"""The images of the services, built and run as their pods are; skips where nothing can build."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from support.alerting import HTTP, eventually
from support.api_server import SECRETS
from support.cluster import K8S
from support.containers import Builder
from support.net import free_port
from support.seed import NOW, seed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MIB = 2**20


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder()


def _until_ready(process: "subprocess.Popen[bytes]", url: str, folder: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None
        try:
            return HTTP.request("GET", url).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    try:
        eventually(answers, url)
    except AssertionError as e:
        said = (folder / "container.log").read_text(errors="replace")
        raise AssertionError(said[-3000:]) from e


def _container(path: str, name: str) -> Any:
    documents = yaml.safe_load_all((K8S / path).read_text(encoding="utf-8"))
    (found,) = (d for d in documents if d["kind"] == "Deployment" and d["metadata"]["name"] == name)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return container


def test_the_api_is_asked_for_a_slate(builder: Builder, database_url: str, tmp_path: Path) -> None:
    seed(database_url)
    image = builder.build("api")
    # The slim Python is 125 MB of the 200 that the whole may have.
    assert builder.size(image) < 75 * MIB
    port = free_port()
    env = {
        **SECRETS,
        "DATABASE_URL": database_url,
        "CLOCK_START": NOW.isoformat(),
        "PORT": str(port),
    }
    container = _container("base/api/stable.yaml", "newsrec-api-stable")
    with builder.running(image, env, tmp_path) as process:
        address = f"http://127.0.0.1:{port}"
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            _until_ready(process, address + container[probe]["httpGet"]["path"], tmp_path)
        answer = HTTP.request("GET", f"{address}/v1/readers/reader-00000/recommendations")
        assert answer.status == 200, answer.data
        assert len(answer.json()["items"]) == 10
        # What Kubernetes sends when a pod ends.
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    config = builder.config(image)
    assert config["User"] == "10001:10001"
    assert f"{container['ports'][0]['containerPort']}/tcp" in config["ExposedPorts"]
    assert config["Labels"]["org.opencontainers.image.title"] == "newsrec"


def test_the_receiver_of_alerts_answers_its_probes(builder: Builder, tmp_path: Path) -> None:
    image = builder.build("hooks")
    port = free_port()
    env = {
        "HOOKS_TOKEN": "token-of-the-tests",
        "AIRFLOW_PASSWORD": "x",
        "HOOKS_PORT": str(port),
    }
    container = _container("base/hooks/hooks.yaml", "newsrec-hooks")
    with builder.running(image, env, tmp_path) as process:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = container[probe]["httpGet"]["path"]
            _until_ready(process, f"http://127.0.0.1:{port}{path}", tmp_path)


@pytest.mark.parametrize("target", ["api", "hooks"])
def test_without_its_settings_a_container_ends_with_one_line(
    builder: Builder, target: str, tmp_path: Path
) -> None:
    with builder.running(builder.build(target), {}, tmp_path) as process:
        assert process.wait(timeout=60) == 1
    (line,) = (tmp_path / "container.log").read_text().splitlines()
    assert line.startswith(f"newsrec-{target}: ")
