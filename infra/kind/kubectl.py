"""One namespace of one cluster, by kubectl; never another one by mistake."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from infra.kind import workloads
from infra.kind.errors import ClusterError
from infra.kind.programs import ask, watch

NAMESPACE = "newsrec"
_POLL_SECONDS = 3.0
_LOG_LINES = 10
_SECONDS = 120.0
_PARTS = "deployments,statefulsets,jobs,pods"

Object = dict[str, Any]


@dataclass(frozen=True)
class Kubectl:
    """Where commands go.

    Attributes:
        command: kubectl with what names the cluster: a file of its own, or a context.
    """

    command: tuple[str, ...]

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl answers; a ClusterError with its last line when it fails."""
        return ask([*self.command, "--namespace", NAMESPACE, *arguments], _SECONDS, stdin)

    def follow(self, *arguments: str) -> None:
        """Run kubectl for a person who reads its output."""
        watch([*self.command, "--namespace", NAMESPACE, *arguments])

    def get(self, what: str) -> list[Object]:
        """Objects of some kinds, separated by commas."""
        items: list[Object] = json.loads(self("get", what, "--output=json"))["items"]
        return items

    def find(self, kind: str, name: str) -> Object | None:
        """One object, or None when it is not there."""
        told = self("get", kind, name, "--ignore-not-found", "--output=json")
        found: Object | None = json.loads(told) if told.strip() else None
        return found

    def apply(self, content: Object) -> None:
        """Apply an object by stdin."""
        self(*APPLY, "--filename=-", stdin=json.dumps(content))

    def answers(self) -> bool:
        """Whether the API of the cluster is ready."""
        try:
            self("get", "--raw=/readyz", "--request-timeout=10s")
        except ClusterError:
            return False
        return True

    def wait(
        self,
        seconds: float,
        tell: Callable[[str], None],
        only: Callable[[Object], bool] = lambda o: True,
    ) -> None:
        """Wait until every workload is ready, or those that `only` takes.

        Raises:
            ClusterError: naming a pod, why it is not ready and what it said last, when it takes
                longer, or waiting is in vain.
        """
        deadline, told = time.monotonic() + seconds, ""
        while True:
            objects = [o for o in self.get(_PARTS) if only(o)]
            missing = workloads.waiting_for(objects)
            if not missing:
                return
            if jobs := workloads.failed_jobs(objects):
                raise self._stuck(f"job/{jobs[0]} failed", objects, jobs[0])
            hopeless = any(t.hopeless for t in workloads.troubles(objects))
            if hopeless or time.monotonic() >= deadline:
                after = "" if hopeless else f" after {seconds:.0f} s"
                raise self._stuck(f"not ready{after}: {', '.join(missing)}", objects)
            if (now := ", ".join(missing)) != told:
                tell(f"  waiting for {now}")
                told = now
            time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))

    def _stuck(self, what: str, objects: Sequence[Object], job: str | None = None) -> ClusterError:
        troubles = workloads.troubles(o for o in objects if job is None or _of_job(o, job))
        if not troubles:
            return ClusterError(what)
        worst, details = troubles[0], []
        for t in troubles:
            details.append(f"pod/{t.pod}: {t.why}")
        if worst.container:
            details += ["last lines of its log:", *self._log(worst)]
        return ClusterError(f"{what}: pod/{worst.pod}: {worst.why}", details)

    def _log(self, trouble: workloads.Trouble) -> list[str]:
        more = ["--previous"] if trouble.previous else []
        try:
            told = self(
                *("logs", trouble.pod, "--container", str(trouble.container)),
                *(f"--tail={_LOG_LINES}", *more),
            )
        except ClusterError as e:
            return [f"  (no log: {e})"]
        return [f"  {line}" for line in told.splitlines()[-_LOG_LINES:]] or ["  (it said nothing)"]


def seconds(usual: float) -> float:
    """How long pods are waited for: UP_SECONDS, or what is usual.

    Raises:
        ClusterError: when UP_SECONDS is no number of seconds.
    """
    text = os.environ.get("UP_SECONDS")
    if not text:
        return usual
    if not (text.isascii() and text.isdigit()):
        raise ClusterError(f"UP_SECONDS must be a whole number, not {text!r}")
    return float(text)


# By the server: what others set on the same object (the autoscaler) stays theirs.
APPLY = ("apply", "--server-side", "--force-conflicts", "--field-manager=newsrec")


def _of_job(pod: Object, job: str) -> bool:
    owners = pod["metadata"].get("ownerReferences", ())
    return any(owner["kind"] == "Job" and owner["name"] == job for owner in owners)
