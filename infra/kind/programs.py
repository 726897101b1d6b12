"""The programs of other people that we start, and what is wrong when one is missing or silent."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from infra.kind.errors import ClusterError

_WHERE = {
    "docker": "https://docs.docker.com/engine/install",
    "kind": "https://kind.sigs.k8s.io",
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
}
_KUSTOMIZE = 5  # in kubectl 1.27 and later
_ANSWER_SECONDS = 30.0


def need(name: str) -> str:
    """The path of a program.

    Raises:
        ClusterError: when it is not on PATH.
    """
    if found := shutil.which(name):
        return found
    raise ClusterError(f"{name} is not on PATH: {_WHERE[name]}")


def need_engine() -> str:
    """Docker or podman, the one that ENGINE names first; it has answered.

    Raises:
        ClusterError: when there is none, or its daemon does not answer.
    """
    asked = os.environ.get("ENGINE")
    found = shutil.which(asked) if asked else shutil.which("docker") or shutil.which("podman")
    if not found:
        raise ClusterError(
            f"ENGINE={asked} is not there"
            if asked
            else f"neither docker nor podman is on PATH: {_WHERE['docker']}"
        )
    try:
        ask([found, "info"], _ANSWER_SECONDS)
    except ClusterError as e:
        raise ClusterError(f"{e} (is its daemon running, and may you use it?)") from e
    return found


def need_kubectl() -> str:
    """The path of kubectl, with a kustomize inside that knows our overlays.

    Raises:
        ClusterError: when it is missing or too old.
    """
    found = need("kubectl")
    told = ask([found, "version", "--client", "--output=json"], _ANSWER_SECONDS)
    try:
        version = str(json.loads(told).get("kustomizeVersion") or "")
        known = int(version.lstrip("v").partition(".")[0]) >= _KUSTOMIZE
    except (ValueError, AttributeError):
        version, known = "", False
    if not known:
        had = f"kustomize {version}" if version else "no kustomize"
        raise ClusterError(
            f"kubectl has {had} inside; ours needs {_KUSTOMIZE}: kubectl 1.27 or later"
        )
    return found


def ask(
    command: Sequence[str],
    seconds: float | None = None,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """What a program answers.

    Raises:
        ClusterError: naming the program and the last line that it said, when it fails or is silent.
    """
    name = os.path.basename(command[0])  # noqa: PTH119 - a name, no path
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            env={**os.environ, **(env or {})},
        )
    except subprocess.TimeoutExpired as e:
        raise ClusterError(f"{name} does not answer within {e.timeout:.0f} s") from e
    except OSError as e:
        raise ClusterError(f"{name} cannot be started: {e.strerror}") from e
    if done.returncode != 0:
        lines = [x.strip() for x in (done.stderr or done.stdout).splitlines() if x.strip()]
        raise ClusterError(f"{name}: {lines[-1] if lines else f'status {done.returncode}'}")
    return done.stdout


def watch(command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    """Run a program whose output a person follows.

    Raises:
        ClusterError: when it fails; it has said why itself.
    """
    told = {**os.environ, **(env or {})}
    try:
        status = subprocess.run(command, check=False, env=told).returncode
    except OSError as e:
        raise ClusterError(f"{command[0]} cannot be started: {e.strerror}") from e
    if status != 0:
        raise ClusterError(f"{os.path.basename(command[0])} ended with status {status}: see above")  # noqa: PTH119
