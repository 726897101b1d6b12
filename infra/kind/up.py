"""`make up`: from nothing, or from wherever an earlier start ended, to a slate through Kong."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from infra.kind import credentials, images, world
from infra.kind.cluster import PORT, Kind
from infra.kind.errors import ClusterError
from infra.kind.kubectl import APPLY, Kubectl, seconds
from infra.kind.show import places

REPOSITORY = images.REPOSITORY
OVERLAY = REPOSITORY / "k8s" / "overlays" / "kind"
TAG = "dev"
_NOTE = "newsrec.io/images"  # of the namespace: what each of our images was when it was applied
_READY_SECONDS = 1200.0
SLATE_SECONDS = 60.0
KONG = f"http://localhost:{PORT}"

Tell = Callable[[str], None]
Object = dict[str, Any]


def up(kind: Kind, today: date, tell: Tell) -> None:
    """Bring the system up.

    Raises:
        ClusterError: naming what keeps it from coming up; a second start goes on from there.
    """
    kubectl = kind.kubectl
    manifests = kubectl_kustomize(kind)
    if kind.exists():
        tell("▸ the cluster is there")
        kind.find_again(tell)
        refuse_during_canary(kubectl)
    else:
        tell("▸ making the cluster")
        kind.make()
    names = images.named_in(manifests)
    tell(f"▸ building the images: {', '.join(names)}")
    kind.engine.build(names, TAG)
    kind.engine.load(kind.program, "newsrec", [images.full(name, TAG) for name in names])
    tell("▸ applying k8s/overlays/kind")
    values = _secrets(kubectl)
    _apply(kubectl, manifests)
    _restart_changed(kind, kubectl, names)
    kubectl.wait(seconds(_READY_SECONDS), tell, lambda o: not world.of_world(o))
    tell("▸ a small world, and its first cycle")
    world.bring_to(today, kubectl, tell)
    tell("▸ a slate through Kong")
    tell(_slate(KONG, values["kong-consumers"]["KEY_SITE"]))
    for line in places(kubectl, values, KONG):
        tell(line)


def kubectl_kustomize(kind: Kind) -> str:
    """The overlay as it will be applied."""
    return kind.kubectl("kustomize", str(OVERLAY))


def refuse_during_canary(kubectl: Kubectl) -> None:
    """Applying the manifests takes the canary's pods away, and Kong would still ask them."""
    canary = kubectl.find("deployment", "newsrec-api-canary")
    if canary and canary["spec"].get("replicas"):
        raise ClusterError("a canary runs: make canary-promote or make canary-abort first")


def _secrets(kubectl: Kubectl) -> credentials.Values:
    kubectl(*APPLY, f"--filename={REPOSITORY / 'k8s' / 'base' / 'namespace.yaml'}")
    values = credentials.made(credentials.of_cluster(kubectl.get("secrets")))
    kubectl.apply(credentials.manifests(values, "newsrec"))
    return values


def _apply(kubectl: Kubectl, manifests: str) -> None:
    # A Job cannot be changed; these do nothing the second time.
    for o in yaml.safe_load_all(manifests):
        if o and o["kind"] == "Job":
            kubectl("delete", "job", o["metadata"]["name"], "--ignore-not-found", "--wait=true")
    kubectl(*APPLY, "--filename=-", stdin=manifests)


def _restart_changed(kind: Kind, kubectl: Kubectl, names: list[str]) -> None:
    """The tag stays the same: pods of an image that was built anew are replaced by hand."""
    now = {name: kind.engine.id_of(images.full(name, TAG)) for name in names}
    namespace = kubectl.find("namespace", "newsrec")
    notes = (namespace or {}).get("metadata", {}).get("annotations", {})
    before: dict[str, str] = json.loads(notes.get(_NOTE, "{}"))
    changed = {name for name in names if before.get(name, now[name]) != now[name]}
    for o in kubectl.get("deployments,statefulsets"):
        pod = o["spec"]["template"]["spec"]
        used = images.named_by(c["image"] for c in pod["containers"])
        if used & changed:
            kubectl("rollout", "restart", f"{o['kind'].lower()}/{o['metadata']['name']}")
    kubectl("annotate", "namespace", "newsrec", "--overwrite", f"{_NOTE}={json.dumps(now)}")


def _slate(address: str, key: str) -> str:
    """What the first reader gets; Kong may need a moment to see that the API is ready."""
    url = f"{address}/v1/readers/{world.READER}/recommendations"
    deadline = time.monotonic() + SLATE_SECONDS
    while True:
        try:
            request = urllib.request.Request(url, headers={"apikey": key})  # noqa: S310 - http
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                slate: Object = json.load(answer)
            made = "made for everybody" if slate["fallback"] else f"of {slate['model_version']}"
            return f"  {len(slate['items'])} articles for {world.READER}, {made}"
        except (urllib.error.URLError, OSError, ValueError, KeyError) as e:
            if time.monotonic() >= deadline:
                raise ClusterError(f"no slate through Kong ({url}): {e}") from e
        time.sleep(1)


def state_folder() -> Path:
    """Where the cluster's kubeconfig lies."""
    return Path(os.environ.get("NEWSREC_VAR") or REPOSITORY / "var").absolute() / "kind"
