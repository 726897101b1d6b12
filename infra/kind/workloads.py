"""What the cluster tells of workloads and pods: who is not ready yet, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
# Waiting does not heal these.
_HOPELESS = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
_MANY_RESTARTS = 6
# Nothing is wrong yet.
_BEGINNING = {"ContainerCreating", "PodInitializing"}


@dataclass(frozen=True)
class Trouble:
    """A pod that is not what it should be.

    Attributes:
        container: Whose log says more; None when none has begun.
        previous: The log is that of the container's life before.
        hopeless: Waiting is in vain.
    """

    pod: str
    why: str
    container: str | None = None
    previous: bool = False
    hopeless: bool = False


def waiting_for(objects: Iterable[Object]) -> list[str]:
    """Workloads that are not ready, as kind/name; Jobs of a CronJob are no part of a start."""
    found = []
    for o in objects:
        kind, metadata = o["kind"], o["metadata"]
        if any(owner["kind"] == "CronJob" for owner in metadata.get("ownerReferences", ())):
            continue
        ready = {"Deployment": _deployment, "StatefulSet": _stateful_set, "Job": _job}.get(kind)
        if ready and not ready(o):
            found.append(f"{kind.lower()}/{metadata['name']}")
    return sorted(found)


def failed_jobs(objects: Iterable[Object]) -> list[str]:
    """Jobs that have given up."""
    return sorted(
        o["metadata"]["name"] for o in objects if o["kind"] == "Job" and condition(o, "Failed")
    )


def condition(o: Object, name: str) -> bool:
    """Whether a condition of an object holds."""
    return any(
        c["type"] == name and c["status"] == "True"
        for c in o.get("status", {}).get("conditions", ())
    )


def _deployment(o: Object) -> bool:
    status, wanted = o.get("status", {}), o["spec"].get("replicas", 1)
    return (
        status.get("observedGeneration", 0) >= o["metadata"].get("generation", 0)
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )


def _stateful_set(o: Object) -> bool:
    status, wanted = o.get("status", {}), o["spec"].get("replicas", 1)
    return (
        status.get("observedGeneration", 0) >= o["metadata"].get("generation", 0)
        and status.get("readyReplicas", 0) == wanted
        and status.get("currentRevision") == status.get("updateRevision")
    )


def _job(o: Object) -> bool:
    return condition(o, "Complete")


def troubles(objects: Iterable[Object]) -> list[Trouble]:
    """What is wrong with pods, the worst first."""
    found = [t for o in objects if o["kind"] == "Pod" and (t := _trouble(o))]
    return sorted(found, key=lambda t: (not t.hopeless, t.container is None, t.pod))


def _trouble(pod: Object) -> Trouble | None:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    if status.get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return None
    for c in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        if trouble := _of_container(name, c):
            return trouble
    for c in status.get("conditions", ()):
        if c["type"] == "PodScheduled" and c["status"] == "False":
            return Trouble(name, f"finds no place: {c.get('message', 'no reason given')}")
    for c in status.get("containerStatuses", ()):
        if "running" in c.get("state", {}) and not c.get("ready"):
            return Trouble(name, f"{c['name']} runs, and its probe does not succeed", c["name"])
    return None


def _of_container(pod: str, c: Object) -> Trouble | None:
    state, name = c.get("state", {}), c["name"]
    before = c.get("lastState", {}).get("terminated")
    if waiting := state.get("waiting"):
        reason = waiting.get("reason", "")
        if reason in _BEGINNING or not reason:
            return None
        why = f"{name} waits: {reason}"
        if before:
            why += f", it ended before with {_ended(before)}"
        elif message := waiting.get("message"):
            why += f", {message}"
        many = c.get("restartCount", 0) >= _MANY_RESTARTS
        hopeless = reason in _HOPELESS or (reason == "CrashLoopBackOff" and many)
        return Trouble(pod, why, name if before else None, bool(before), hopeless)
    ended = state.get("terminated")
    if ended and ended.get("exitCode"):
        return Trouble(pod, f"{name} ended with {_ended(ended)}", name)
    return None


def _ended(terminated: Object) -> str:
    reason = terminated.get("reason")
    status = f"status {terminated.get('exitCode')}"
    return f"{status} ({reason})" if reason and reason != "Error" else status
