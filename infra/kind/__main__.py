"""`python -m infra.kind COMMAND`, as the Makefile calls it: up, status, canary and so on."""

import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from infra.kind import canary, images, show
from infra.kind.canary import Canary
from infra.kind.cluster import NAME, Kind
from infra.kind.errors import ClusterError
from infra.kind.images import Engine
from infra.kind.kubectl import Kubectl
from infra.kind.programs import need, need_engine, need_kubectl
from infra.kind.up import state_folder, up

NO_CLUSTER, NOT_READY = 3, 4


def main(arguments: list[str]) -> int:
    """Run a command; what is wrong becomes a line, and status 1."""
    command = " ".join(arguments)
    commands = {
        "up": _up,
        "status": _status,
        "logs": _logs,
        "down": _down,
        "canary": _canary,
        "canary-promote": lambda: _changed(lambda c: c.promote()),
        "canary-abort": lambda: _changed(lambda c: c.abort()),
    }
    if command not in commands:
        print(f"say one of {', '.join(commands)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return commands[command]()
    except ClusterError as e:
        print(f"make {command}: {e}", *e.details, sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nmake {command}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _up() -> int:
    with _only_one():
        up(_kind(), datetime.now(UTC).date(), _tell)
    return 0


def _status() -> int:
    if not (kind := _existing()):
        return NO_CLUSTER
    try:
        weights = Canary(kind.kubectl, _tell).weights()
    except ClusterError:
        weights = "unknown"
    lines, well = show.status(kind.kubectl, weights)
    print("\n".join(lines))
    return 0 if well else NOT_READY


def _logs() -> int:
    if not (kind := _existing()):
        return NO_CLUSTER
    show.logs(kind.kubectl, os.environ.get("APP", ""))
    return 0


def _down() -> int:
    with _only_one():
        kind = _kind()
        if kind.exists():
            kind.remove()
            _tell("Removed, with its data and its secrets.")
        else:
            _tell(f"There is no cluster {NAME}.")
        shutil.rmtree(state_folder(), ignore_errors=True)
    return 0


def _canary() -> int:
    weight = canary.wanted_weight(os.environ.get("WEIGHT"))
    given = os.environ.get("IMAGE")
    if given:
        return _changed(lambda c: c.set_weight(weight, lambda: given))
    if os.environ.get("CONTEXT"):
        return _changed(lambda c: c.set_weight(weight, _need_image))
    kind = _kind()
    return _changed(lambda c: c.set_weight(weight, lambda: _built(kind)))


def _need_image() -> str:
    raise ClusterError(
        "say which image the canary is of: make canary WEIGHT=10 IMAGE=registry/api:1.1.0"
    )


def _built(kind: Kind) -> str:
    """The API of this tree, under a name of its own: a tag is never another image later."""
    kind.engine.build(["api"], "canary")
    latest = images.full("api", "canary")
    name = images.full("api", f"canary-{kind.engine.id_of(latest).removeprefix('sha256:')[:12]}")
    kind.engine.tag(latest, name)
    kind.engine.load(kind.program, NAME, [name])
    return name


def _changed(change: Any) -> int:
    """Change the canary of the cluster that CONTEXT names, or of the one on this machine."""
    if context := os.environ.get("CONTEXT"):
        kubectl = Kubectl((need_kubectl(), f"--context={context}"))
        if not kubectl.answers():
            raise ClusterError(f"the cluster of CONTEXT={context} does not answer")
    else:
        kind = _existing()
        if not kind:
            return NO_CLUSTER
        kubectl = kind.kubectl
    with _only_one():
        change(Canary(kubectl, _tell))
    return 0


def _kind() -> Kind:
    engine = Engine(need_engine())
    return Kind(engine, need("kind"), need_kubectl(), state_folder() / "kubeconfig")


def _existing() -> Kind | None:
    kind = _kind()
    if not kind.exists():
        print(f"there is no cluster {NAME} (make up)", file=sys.stderr)
        return None
    kind.find_again(_tell)
    return kind


@contextmanager
def _only_one() -> Iterator[None]:
    folder = state_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "kind.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise ClusterError("another command works on the cluster") from e
        yield


def _tell(line: str) -> None:
    print(line, flush=True)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
