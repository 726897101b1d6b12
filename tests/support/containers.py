"""Builds images and runs them as the manifests do: nothing writable, no capability, not root."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.postgres import REPOSITORY

# The Dockerfile's own base, or one that was made on this machine.
BASES = ("docker.io/library/python:3.11.14-slim-bookworm", "localhost/python:local")
_UNREACHABLE = (
    "error sending request", "failed to fetch", "dns error", "name resolution", "unreachable",
    "connection refused", "timed out", "no matching distribution",
)  # fmt: skip


def _run(*command: str, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=seconds, cwd=REPOSITORY
    )


class Builder:
    """docker, podman or buildah, whichever answers; skips, with its reason, where none can work."""

    def __init__(self) -> None:
        self.program = _engine()
        self.base = next((b for b in BASES if self._has(b)), "")
        if not self.base:
            pulled = _run(self.program, "pull", BASES[0], seconds=120)
            if pulled.returncode:
                pytest.skip(f"no base image: {_last(pulled)}")
            self.base = BASES[0]

    def build(self, target: str) -> str:
        """The name of the image of a target of the Dockerfile."""
        name = f"localhost/newsrec-test/{target}:test"
        command = [self.program, "build", "--tag", name, "--target", target]
        if self.program.endswith("buildah"):
            command += ["--layers"]
        command += ["--build-arg", f"PYTHON={self.base}", "--file", "infra/docker/Dockerfile", "."]
        done = _run(*command, seconds=1500)
        said = (done.stderr + done.stdout).lower()
        if done.returncode and any(sign in said for sign in _UNREACHABLE):
            pytest.skip(f"the package index was not reached: {_last(done)}")
        assert done.returncode == 0, done.stderr[-3000:]
        return name

    def size(self, image: str) -> int:
        """Bytes that an image adds to its base."""
        return self._bytes(image) - self._bytes(self.base)

    def config(self, image: str) -> dict[str, Any]:
        """User, Env, Entrypoint and so on, as the image says."""
        if self.program.endswith("buildah"):
            told = _run(self.program, "inspect", "--type", "image", image).stdout
            found: dict[str, Any] = json.loads(told)["OCIv1"]["config"]
            return found
        (one,) = json.loads(_run(self.program, "image", "inspect", image).stdout)
        config: dict[str, Any] = one["Config"]
        return config

    @contextmanager
    def running(
        self, image: str, env: Mapping[str, str], folder: Path
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """The image's own command, in the network of this machine, until the end of the block."""
        log = folder / "container.log"
        with self._command(image, env, folder) as command, log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait(timeout=60)

    @contextmanager
    def _command(self, image: str, env: Mapping[str, str], folder: Path) -> Iterator[list[str]]:
        if self.program.endswith("buildah"):
            with _bundle(self.program, image, self.config(image), env, folder) as command:
                yield command
            return
        limits = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--user=10001:10001")
        told = [f"--env={k}={v}" for k, v in env.items()]
        yield [self.program, "run", "--rm", "--network=host", *limits, *told, image]

    def _has(self, image: str) -> bool:
        return _run(self.program, "inspect", "--type=image", image).returncode == 0

    def _bytes(self, image: str) -> int:
        if not self.program.endswith("buildah"):
            (one,) = json.loads(_run(self.program, "image", "inspect", image).stdout)
            return int(one["Size"])
        container = _run(self.program, "from", image).stdout.strip()
        try:
            mounted = _run(self.program, "mount", container).stdout.strip()
            told = _run("du", "--summarize", "--bytes", "--one-file-system", mounted).stdout
            return int(told.split()[0])
        finally:
            _run(self.program, "rm", container)


def _engine() -> str:
    reasons = []
    for name in ("docker", "podman"):
        if program := shutil.which(name):
            answer = _run(program, "info")
            if answer.returncode == 0:
                return program
            reasons.append(f"{name} does not answer: {_last(answer)}")
    program = shutil.which("buildah")
    if program and shutil.which("runc") and os.geteuid() == 0:
        return program
    reasons.append("neither docker, podman nor (as root) buildah with runc")
    pytest.skip(f"no image was built: {'; '.join(reasons)}")


@contextmanager
def _bundle(
    buildah: str, image: str, config: dict[str, Any], env: Mapping[str, str], folder: Path
) -> Iterator[list[str]]:
    """The image as a bundle of runc; buildah's own `run` knows no read-only root."""
    container = _run(buildah, "from", image).stdout.strip()
    name = f"newsrec-test-{os.getpid()}-{time.monotonic_ns()}"
    try:
        mounted = _run(buildah, "mount", container).stdout.strip()
        bundle = folder / "bundle"
        bundle.mkdir()
        assert _run("runc", "spec", "--bundle", str(bundle)).returncode == 0
        spec = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
        process = spec["process"]
        process.update(
            terminal=False,
            args=[*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())],
            env=[*config["Env"], *(f"{k}={v}" for k, v in env.items())],
            cwd=config["WorkingDir"],
            user={"uid": 10001, "gid": 10001},
            noNewPrivileges=True,
            capabilities={kind: [] for kind in process["capabilities"]},
        )
        spec["root"] = {"path": mounted, "readonly": True}
        spec["linux"]["namespaces"] = [
            n for n in spec["linux"]["namespaces"] if n["type"] != "network"
        ]
        tmpfs = {"type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]}
        spec["mounts"].append({"destination": "/tmp", **tmpfs})
        (bundle / "config.json").write_text(json.dumps(spec), encoding="utf-8")
        yield ["runc", "run", "--bundle", str(bundle), name]
    finally:
        _run("runc", "delete", "--force", name)
        _run(buildah, "umount", container)
        _run(buildah, "rm", container)


def _last(done: "subprocess.CompletedProcess[str]") -> str:
    lines = [x.strip() for x in (done.stderr or done.stdout).splitlines() if x.strip()]
    return lines[-1][:200] if lines else f"status {done.returncode}"
