"""The steps of a build: done in order, each with a log of its own, until one fails."""

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from newsrec_pipelines.errors import BuildError, NewsrecError


@dataclass(frozen=True)
class Step:
    """One step of a build.

    Attributes:
        name: of one word; its log is called after it.
        do: does it, and tells in the log what happened. Its answer is told beside the duration.
    """

    name: str
    do: Callable[[IO[str]], str]


class Programs(Protocol):
    """Starts other programs."""

    def run(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: IO[str]) -> None:
        """Run a program to its end; what it prints goes into the log.

        Raises:
            BuildError: when it fails.
        """


class Processes:
    """Programs as child processes."""

    def run(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: IO[str]) -> None:
        """As `Programs.run`."""
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        try:
            done = subprocess.run(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError as e:
            raise BuildError(f"{Path(command[0]).name} cannot be started: {e.strerror}") from e
        if done.returncode:
            raise BuildError(f"{Path(command[0]).name} ended with status {done.returncode}")


def do_all(steps: Sequence[Step], logs: Path, echo: Callable[[str], None]) -> dict[str, float]:
    """Do the steps in order; the first that fails ends the build.

    Args:
        steps: of the build.
        logs: the folder of their logs.
        echo: is told one line a step.

    Returns:
        Seconds by the name of the step.

    Raises:
        BuildError: naming the step that failed, and its log.
    """
    seconds = {}
    for n, step in enumerate(steps, 1):
        began = time.perf_counter()
        log = logs / f"{n}-{step.name}.log"
        with log.open("w", encoding="utf-8") as file:
            try:
                said = step.do(file)
            except (NewsrecError, OSError) as e:
                file.write(f"{e}\n")
                raise BuildError(
                    f"{step.name} failed after {time.perf_counter() - began:.1f} s: {e}; see {log}"
                ) from e
        seconds[step.name] = time.perf_counter() - began
        echo(f"{n}/{len(steps)} {step.name:<8} {seconds[step.name]:7.1f} s  {said}")
    return seconds


def clean_environment(env: Mapping[str, str], without: Iterable[str] = ()) -> dict[str, str]:
    """An environment for programs of another virtual environment than ours.

    Args:
        env: ours.
        without: beginnings of the names of more variables that are left out.
    """
    ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", *without)
    return {name: value for name, value in env.items() if not name.startswith(tuple(ours))}


def searched_first(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The environment with the programs of `folder` before all others."""
    return {**env, "PATH": os.pathsep.join([str(folder), env.get("PATH", os.defpath)])}
