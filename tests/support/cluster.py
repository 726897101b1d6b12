"""Manifests as kustomize builds them, and the pods that are in them."""

import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
K8S = REPOSITORY / "k8s"
OVERLAYS = ("kind", "production")
# Of the one component that has a namespace of its own.
LOGGING_SECRETS = K8S / "components/logging/secrets.yaml"
TASKS = ("pipelines", "mailer")  # pods that Airflow makes

Object = dict[str, Any]


def build(folder: Path) -> list[Object]:
    """What `kubectl apply -k` would send, by the kubectl of the lock."""
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    command = [kubectl, "kustomize", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower(), done.stderr
    return [o for o in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if o]


def declared_secrets(file: Path = K8S / "secrets.yaml") -> dict[str, set[str]]:
    """Name -> keys."""
    secrets = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {name: set(keys) for name, keys in secrets.items()}


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """Those of some kinds."""
    return [o for o in objects if o["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    """The one of this kind and name."""
    (found,) = [o for o in of_kind(objects, kind) if o["metadata"]["name"] == name]
    return found


def called(o: Object) -> str:
    """Kind/name, for messages."""
    return f"{o['kind']}/{o['metadata']['name']}"


def templates(objects: list[Object]) -> Iterator[tuple[Object, Object]]:
    """Every workload with its pod template."""
    for o in objects:
        if o["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield o, o["spec"]["template"]
        elif o["kind"] == "CronJob":
            yield o, o["spec"]["jobTemplate"]["spec"]["template"]


def containers(template: Object) -> list[Object]:
    """Those that run before, then those that run."""
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def labels_of_pods(objects: list[Object]) -> list[dict[str, str]]:
    """Labels of every pod that there can be, those of Airflow's tasks as well."""
    ours = [t["metadata"].get("labels", {}) for _, t in templates(objects)]
    return [*ours, *({"app.kubernetes.io/name": name} for name in TASKS)]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector (or a Service's plain labels) takes a pod."""
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        selector = {"matchLabels": selector}
    if any(labels.get(k) != v for k, v in selector.get("matchLabels", {}).items()):
        return False
    return all(
        e["operator"] == "In" and labels.get(e["key"]) in e["values"]
        for e in selector.get("matchExpressions", [])
    )


_UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}


def amount(quantity: Any) -> float:
    """Cores or bytes.

    Raises:
        ValueError: when it is no quantity.
    """
    text = str(quantity)
    if text.endswith("m"):
        return float(text[:-1]) / 1000
    number = text.rstrip("KMGik")
    unit = text[len(number) :]
    if unit not in _UNITS:
        raise ValueError(f"{quantity!r} is no quantity")
    return float(number) * _UNITS[unit]
