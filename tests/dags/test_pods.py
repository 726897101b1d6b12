"""Tasks as pods: each is a valid pod with the least rights, its image and its limits."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.airflow_server import Script
from support.postgres import REPOSITORY

# A cluster that nobody asks anything.
CLUSTER = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "users": [{"name": "none", "user": {}}],
    "current-context": "none",
}


@pytest.fixture(scope="module")
def pods(
    airflow_script: Script, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    config = tmp_path_factory.mktemp("cluster") / "config"
    config.write_text(json.dumps(CLUSTER))
    sizes = {"large": {"requests": {"memory": "9Gi"}, "limits": {"memory": "9Gi"}}}
    found: dict[str, dict[str, Any]] = airflow_script(
        "render_pods.py",
        str(REPOSITORY / "pipelines/dags"),
        KUBECONFIG=str(config),
        NEWSREC_TASKS="pod",
        NEWSREC_POD_IMAGE="registry.example/newsrec-{component}:1.2",
        NEWSREC_POD_NAMESPACE="news",
        NEWSREC_POD_SIZES=json.dumps(sizes),
    )
    return found


def test_every_stage_is_a_pod_of_its_image(pods: dict[str, dict[str, Any]]) -> None:
    assert len(pods) == 17
    for name, pod in pods.items():
        mails = name.startswith("digest")
        component = "mailer" if mails else "pipelines"
        (container,) = pod["spec"]["containers"]
        assert container["image"] == f"registry.example/newsrec-{component}:1.2"
        assert container["command"] == ["newsrec-mailer" if mails else "newsrec"]
        assert pod["metadata"]["namespace"] == "news"
        assert pod["spec"]["serviceAccountName"] == f"newsrec-{component}"
        assert container["envFrom"] == [
            {"configMapRef": {"name": f"newsrec-{component}"}},
            {"secretRef": {"name": f"newsrec-{component}", "optional": True}},
        ]
    (send,) = pods["digest_africa.send"]["spec"]["containers"]
    assert send["args"] == ["send", "--date", "{{ today() }}", "--region", "africa"]


def test_every_pod_has_the_least_rights(pods: dict[str, dict[str, Any]]) -> None:
    for name, pod in pods.items():
        spec = pod["spec"]
        (container,) = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert not spec["automountServiceAccountToken"], name
        assert spec["restartPolicy"] == "Never", name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}], name
        assert set(container["resources"]) >= {"requests", "limits"}, name


def test_sizes_are_settings(pods: dict[str, dict[str, Any]]) -> None:
    def limits(name: str) -> dict[str, str]:
        found: dict[str, str] = pods[name]["spec"]["containers"][0]["resources"]["limits"]
        return found

    assert limits("retrain.train") == {"memory": "9Gi"}
    assert limits("ingest.export") == {"cpu": "1", "memory": "2Gi"}


def test_kubernetes_accepts_them(pods: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    files = []
    for name, pod in copy.deepcopy(pods).items():
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(pod))
    validate = Path(sys.executable).with_name("kubernetes-validate")
    if not validate.is_file():
        pytest.skip("kubernetes-validate is not installed")
    assert _refused(validate, files) == ""
    pod["spec"]["restartPolicies"] = "Never"
    files[-1].write_text(json.dumps(pod))
    assert "restartPolicies" in _refused(validate, files)


def _refused(validate: Path, files: list[Path]) -> str:
    """What the schemas say of those that they refuse."""
    done = subprocess.run(
        [str(validate), "--strict", *map(str, files)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""
