"""A small simulated world in the cluster, and the nights that bring it to today."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from infra.kind import workloads
from infra.kind.errors import ClusterError
from infra.kind.kubectl import NAMESPACE, Kubectl

HISTORY_DAYS = 5
READER = "reader-000001"
_NAME = "newsrec-world"
_PARAMS, _KNOWN = "params.yaml", "known"
_SECONDS = 3600.0
# Small enough for a pod of 1.5 GiB; everything else is params.yaml of the image.
_WORLD = {"readers": 300, "articles_per_day": 150, "visits_per_day": 3.0}
_TEMPLATE = Path(__file__).with_name("stage.yaml")

Object = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """A step of the cycle: its name in the Job's, and its command line."""

    name: str
    arguments: tuple[str, ...]


def cycle(first: date, today: date) -> list[Stage]:
    """From the landing zone of the days before today to slates for today."""
    days = ("--from", str(first), "--to", str(today - timedelta(days=1)))
    return [
        Stage("simulate", ("simulate", "days", *days)),
        Stage("etl", ("etl", *days)),
        Stage("materialize", ("materialize", "--as-of", f"{today}T00:00:00+00:00")),
        Stage("train", ("train", "--date", str(today - timedelta(days=1)))),
        Stage("recommend", ("recommend", "--date", str(today))),
    ]


def job(stage: Stage, today: date) -> Object:
    """The Job of a stage; a second start finds it again by its name."""
    made: Object = deepcopy(yaml.safe_load(_TEMPLATE.read_text(encoding="utf-8")))
    made["metadata"]["name"] = f"world-{stage.name}-{today}"
    made["spec"]["template"]["spec"]["containers"][0]["args"] = list(stage.arguments)
    return made


def bring_to(today: date, kubectl: Kubectl, tell: Callable[[str], None]) -> None:
    """Play the days that are missing, and make the slates of today; what is done is not repeated.

    Raises:
        ClusterError: naming the stage that failed, with the last lines of its log.
    """
    kept = kubectl.find("configmap", _NAME) or _begin(today, kubectl)
    known = date.fromisoformat(kept["data"][_KNOWN])
    yesterday = today - timedelta(days=1)
    if known >= yesterday:
        tell(f"The world is at {today} already")
        return
    for stage in cycle(known + timedelta(days=1), today):
        tell(f"▸ newsrec {' '.join(stage.arguments)}")
        _play(job(stage, today), kubectl, tell)
    kept["data"][_KNOWN] = str(yesterday)
    kubectl.apply(_configmap(kept["data"]))


def params(today: date) -> str:
    """Parameters of a world that began some days ago, so that its readers live in our time."""
    start = today - timedelta(days=HISTORY_DAYS)
    changes = {"extends": "/srv/newsrec/params.yaml", "world": {"start": str(start), **_WORLD}}
    return yaml.safe_dump(changes, sort_keys=False)


def _begin(today: date, kubectl: Kubectl) -> Object:
    start = today - timedelta(days=HISTORY_DAYS)
    before = str(start - timedelta(days=1))
    made = _configmap({_PARAMS: params(today), _KNOWN: before})
    kubectl.apply(made)
    return made


def _configmap(data: dict[str, str]) -> Object:
    metadata = {"name": _NAME, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _play(wanted: Object, kubectl: Kubectl, tell: Callable[[str], None]) -> None:
    name = wanted["metadata"]["name"]
    found = kubectl.find("job", name)
    if found and workloads.condition(found, "Failed"):
        kubectl("delete", "job", name, "--wait=true")
        found = None
    if not found:
        kubectl.apply(wanted)
    try:
        kubectl.wait(_SECONDS, tell, lambda o: _belongs(o, name))
    except ClusterError as e:
        raise ClusterError(f"{e} (make up tries it again)", e.details) from e


def of_world(o: Object) -> bool:
    """Whether a Job or a pod is a stage of ours; one that failed keeps no pod waiting."""
    return "newsrec.io/world" in o["metadata"].get("labels", {})


def _belongs(o: Object, job_name: str) -> bool:
    owners = [owner["name"] for owner in o["metadata"].get("ownerReferences", ())]
    return o["metadata"]["name"] == job_name or job_name in owners
