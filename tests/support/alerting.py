"""Prometheus, Alertmanager and the Pushgateway as plain processes, on the repository's files."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from support.net import free_port
from support.postgres import REPOSITORY

PROMETHEUS = REPOSITORY / "infra/prometheus"
ALERTMANAGER = REPOSITORY / "infra/alertmanager/alertmanager.yml"
HTTP = urllib3.PoolManager(retries=False, timeout=10.0)
# Debian's names first, then those of the projects.
_NAMES = {
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "pushgateway": ("prometheus-pushgateway", "pushgateway"),
}


def program(name: str) -> str:
    """The path of a program; without it the test is skipped, and says what to install."""
    for candidate in _NAMES.get(name, (name,)):
        if path := shutil.which(candidate):
            return path
    pytest.skip(
        f"{name} is not installed: "
        "apt-get install prometheus prometheus-alertmanager prometheus-pushgateway "
        "prometheus-node-exporter prometheus-postgres-exporter prometheus-blackbox-exporter"
    )


def run(name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one of the checking programs to its end; its output holds both streams."""
    return subprocess.run(
        [program(name), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def eventually(found: Callable[[], Any], what: str, seconds: float = 250.0) -> Any:
    """What `found` returns as soon as it is true.

    Raises:
        AssertionError: naming `what`, when it does not come true in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


@contextmanager
def alertmanager(
    folder: Path, hooks_url: str, token: str, people_url: str | None = None
) -> Iterator[str]:
    """The real Alertmanager on the repository's routes; gives its address.

    Args:
        folder: For its data, its configuration and its log.
        hooks_url: Where services/hooks is.
        token: Of services/hooks.
        people_url: A webhook for pager and tickets, which a cluster brings.
    """
    config = yaml.safe_load(ALERTMANAGER.read_text())
    (hooks,) = (r for r in config["receivers"] if r["name"] == "hooks")
    (webhook,) = hooks["webhook_configs"]
    webhook["url"] = f"{hooks_url}/v1/alerts"
    secret = folder / "hooks_token"
    secret.write_text(token + "\n")
    webhook["http_config"]["authorization"]["credentials_file"] = str(secret)
    if people_url:
        for receiver in config["receivers"]:
            receiver.setdefault("webhook_configs", [{"url": f"{people_url}/{receiver['name']}"}])
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        program("alertmanager"),
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _running(command, port, folder / "alertmanager.log") as address:
        yield address


@contextmanager
def pushgateway(folder: Path) -> Iterator[str]:
    """The real Pushgateway; gives its address."""
    port = free_port()
    # In memory: Debian's keeps what was pushed below /var/lib, for whoever starts it next.
    command = [
        program("pushgateway"),
        f"--web.listen-address=127.0.0.1:{port}",
        "--persistence.file=",
    ]
    with _running(command, port, folder / "pushgateway.log") as address:
        yield address


@contextmanager
def prometheus(folder: Path, addresses: dict[str, str], *jobs: Any) -> Iterator[str]:
    """The real Prometheus on the repository's jobs and rules, without `for`; gives its address.

    Args:
        folder: For its data, its configuration and its log.
        addresses: Job -> where it is; jobs that are not named here are asked where nobody is.
        jobs: More of them, as they are to be.
    """
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] |= dict.fromkeys(("scrape_interval", "evaluation_interval"), "1s")
    config["global"]["scrape_timeout"] = "1s"
    config["rule_files"] = [str(file) for file in _hasty(folder)]
    # Bound and not listening: nobody answers there, and no other program can take it.
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    nobody = f"http://127.0.0.1:{held.getsockname()[1]}"

    def place(group: dict[str, Any], job: str) -> None:
        group["targets"] = [addresses.get(job, nobody).removeprefix("http://")]

    (manager,) = config["alerting"]["alertmanagers"]
    place(manager["static_configs"][0], "alertmanager")
    for job in config["scrape_configs"]:
        place(job["static_configs"][0], job["job_name"])
    config["scrape_configs"] += jobs
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with held, _running(command, port, folder / "prometheus.log") as address:
        yield address


def samples(prometheus_url: str, expression: str) -> dict[str, float]:
    """The instant vector of an expression: labels in PromQL's own order -> value."""
    answer = HTTP.request("GET", f"{prometheus_url}/api/v1/query", fields={"query": expression})
    content = answer.json()
    assert content["status"] == "success", content
    return {
        ",".join(f"{k}={v}" for k, v in sorted(r["metric"].items())): float(r["value"][1])
        for r in content["data"]["result"]
    }


def _hasty(folder: Path) -> list[Path]:
    """The rules as they are, but nothing waits: how long is for the tests of the rules."""
    hasty = folder / "rules"
    hasty.mkdir()
    for rules in (PROMETHEUS / "rules").glob("*.yml"):
        content = yaml.safe_load(rules.read_text())
        for group in content["groups"]:
            for rule in group["rules"]:
                rule.pop("for", None)
        (hasty / rules.name).write_text(yaml.safe_dump(content))
    return sorted(hasty.iterdir())


@contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[str]:
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            eventually(lambda: _ready(address, process, log), f"{command[0]} is ready")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


def _ready(address: str, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return HTTP.request("GET", f"{address}/-/ready").status == 200
    except urllib3.exceptions.HTTPError:
        return False
