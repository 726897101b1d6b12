"""`newsrec build-model`: from a commit to a tested model in a local index of packages."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import BuildError, ConfigError
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.operations.build.index import Index
from newsrec_pipelines.operations.build.plan import TESTS, Build, steps
from newsrec_pipelines.operations.build.steps import Processes, do_all
from newsrec_pipelines.options import DAY


@click.command("build-model")
@click.option("--date", "day", type=DAY, help="Train on what was known by the end of this day.")
@click.option("--kind", "kind_name", help="Of model.  [default: `model` in params.yaml]")
@click.option("--model", "version", help="Package this version instead of training one.")
@click.option("--revision", default="HEAD", show_default=True, help="The commit that is built.")
@click.option("--allow-dirty", is_flag=True, help="Leave out what is not committed.")
@click.option(
    "--tests",
    multiple=True,
    help="What pytest is given; all is everything.  "
    "[default: unit tests of features, models and training]",
)
@click.option(
    "--index",
    "folder",
    type=click.Path(path_type=Path),
    help="The index of packages.  [default: index in NEWSREC_VAR]",
)
@click.pass_obj
def build_model(
    ctx: Context,
    day: datetime | None,
    kind_name: str | None,
    version: str | None,
    revision: str,
    allow_dirty: bool,
    tests: tuple[str, ...],
    folder: Path | None,
) -> None:
    """Install, test, train, evaluate and package a model; a step that fails ends it all."""
    if (day is None) == (version is None):
        raise click.UsageError("say what to train on, --date, or which model to take, --model")
    if kind_name is not None and version is not None:
        raise click.UsageError("--kind is of a model that is trained, not of --model")
    repository = Path(_git(Path.cwd(), "rev-parse", "--show-toplevel"))
    commit = _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not allow_dirty and (changed := _git(repository, "status", "--porcelain").splitlines()):
        raise BuildError(
            f"{len(changed)} files differ from the last commit, such as {changed[0][3:]}: commit "
            "them, or leave them out with --allow-dirty"
        )
    if version is not None:
        read_manifest(ctx.store, version)
    with _place(ctx.settings.var / "builds", commit) as place:
        build = Build(
            repository=repository,
            commit=commit,
            params_file=_inside(repository, ctx.params_file),
            kind=kind_name,
            day=day.date() if day else None,
            version=version,
            tests=("tests",) if "all" in tests else tests or TESTS,
            store_url=ctx.settings.store_url,
            index=Index(folder or ctx.settings.var / "index"),
            work=place / "work",
            env=os.environ | {"NEWSREC_VAR": str(ctx.settings.var)},
        )
        do_all(steps(build, Processes()), place, click.echo)


@contextmanager
def _place(builds: Path, commit: str) -> Iterator[Path]:
    """A folder for the logs of a build, in which ``work`` lasts as long as the build.

    Raises:
        BuildError: when another build is running.
    """
    builds.mkdir(parents=True, exist_ok=True)
    with (builds / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise BuildError(f"another build is running in {builds}: wait for its end") from e
        for left in builds.glob("*/work"):  # of builds that were killed
            shutil.rmtree(left)
        place = builds / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{commit[:12]}"
        (place / "work").mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place / "work", ignore_errors=True)


def _inside(repository: Path, file: Path) -> str:
    try:
        return str(file.resolve().relative_to(repository.resolve()))
    except ValueError as e:
        raise ConfigError(f"{file} is not in {repository}: a build takes what is committed") from e


def _git(folder: Path, *arguments: str) -> str:
    """What git says; BuildError with its last line when it fails."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError as e:
        raise BuildError(f"git cannot be started: {e.strerror}") from e
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BuildError(f"git {' '.join(arguments)}: {said[-1] if said else 'there is no such'}")
    return done.stdout.strip("\n")
