"""A machine whose docker, kind and kubectl are fakes, and a Kong that answers."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from infra.kind import __main__ as program
from infra.kind import cluster, kubectl, up

from support.http_fake import Asked, http_fake
from support.net import free_port
from support.postgres import REPOSITORY
from support.scripts import first_lines

MANIFESTS = """
apiVersion: batch/v1
kind: Job
metadata: {name: migrations, namespace: newsrec}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: newsrec-api-stable, namespace: newsrec}
spec: {template: {spec: {containers: [{name: api, image: "newsrec/api:dev"}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: newsrec-api-canary, namespace: newsrec}
spec: {replicas: 0, template: {spec: {containers: [{name: api, image: "newsrec/api:dev"}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: postgres, namespace: newsrec}
spec: {template: {spec: {containers: [{name: postgres, image: "docker.io/library/postgres:17"}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: airflow-api, namespace: newsrec}
"""
STATE: dict[str, Any] = {
    "daemon": True,
    "clusters": [],
    "create_fails": False,
    "node_runs": True,
    "answers": True,
    "kustomize": "v5.7.1",
    "built": {},
    "build_fails": False,
    "objects": {},
    "pods": [],
    "stuck": [],
    "failing": [],
    "weight": 0,
    "kong_silent": False,
}


@dataclass
class Machine:
    """What it has, what was called, and what Kong answers."""

    folder: Path
    keys: list[str]
    capfd: pytest.CaptureFixture[str]

    def change(self, **state: Any) -> None:
        file = self.folder / "state.json"
        file.write_text(json.dumps({**self.state, **state}))

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    def remove(self, name: str) -> None:
        (self.folder / "bin" / name).unlink()

    def make(self, command: str) -> tuple[int, str, str]:
        """Exit status, output and what was said of errors."""
        self.capfd.readouterr()
        status = program.main([command])
        said = self.capfd.readouterr()
        return status, said.out, said.err

    def calls(self, start: str) -> list[str]:
        """What was called since the last time that somebody asked, as it was written."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.startswith(start)]

    def forget(self) -> None:
        (self.folder / "calls").unlink(missing_ok=True)


_UP: dict[str, Any] = {}


@pytest.fixture
def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Machine]:
    programs = tmp_path / "bin"
    programs.mkdir()
    script = REPOSITORY / "tests" / "support" / "fake_programs.py"
    for name in ("docker", "kind", "kubectl"):
        (programs / name).write_text(first_lines("-SE") + script.read_text())
        (programs / name).chmod(0o755)
    (programs / "make").symlink_to(shutil.which("make") or "/usr/bin/make")
    for name in ("bash", "awk", "git", "sh", "test"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    (tmp_path / "manifests.yaml").write_text(MANIFESTS)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("FAKE_FOLDER", str(tmp_path))
    monkeypatch.setenv("FAKE_PACKAGES", str(Path(yaml.__file__).parents[1]))
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("UP_SECONDS", "0")
    for name in ("ENGINE", "WEIGHT", "IMAGE", "CONTEXT", "APP", "MAKEFLAGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cluster, "PORT", free_port())
    monkeypatch.setattr(kubectl, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(up, "SLATE_SECONDS", 0.0)
    machine = Machine(tmp_path, [], capfd)
    machine.folder.joinpath("state.json").write_text(json.dumps(STATE))

    def answer(asked: Asked) -> tuple[int, Any]:
        machine.keys.append(asked.headers.get("apikey", ""))
        return 200, {"items": [{}] * 10, "fallback": False, "model_version": "v1"}

    with http_fake(answer) as address:
        monkeypatch.setattr(up, "KONG", address)
        yield machine


@pytest.fixture
def system(machine: Machine) -> Machine:
    """The machine after `make up`, which is done for the first test only."""
    if not _UP:
        assert machine.make("up")[0] == 0
        _UP.update(machine.state)
    machine.change(**_UP)
    machine.forget()
    machine.keys.clear()
    return machine
