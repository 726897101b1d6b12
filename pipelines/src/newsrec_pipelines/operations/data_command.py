"""`newsrec data`: what a version was trained on, kept, and brought back to train it again."""

import shlex
from datetime import timedelta
from pathlib import Path

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.models import artifacts, training_snapshot
from newsrec_pipelines.models.artifacts import ModelManifest
from newsrec_pipelines.models.training_snapshot import TrainingSnapshot
from newsrec_pipelines.parameters import Params

_OF = click.option("--model", "version", required=True, help="A version; see newsrec models list.")


@click.group()
def data() -> None:
    """Keep what a version was trained on, and bring it back."""


@data.command()
@_OF
@click.pass_obj
def snapshot(ctx: Context, version: str) -> None:
    """Keep the data of a version that was trained without keeping it, while it is still there."""
    manifest = artifacts.read_manifest(ctx.store, version)
    if kept := TrainingSnapshot.of(ctx.store, version):
        click.echo(f"kept before: {_size(kept)} of {version}")
        return
    params = Params.model_validate(manifest.params)
    with training_snapshot.taking(ctx.store, manifest.as_of, params) as taken:
        try:
            taken.check(manifest.data_hash)
        except DataError as e:
            raise DataError(f"partitions changed since {version} was trained: too late") from e
        kept = taken.keep(manifest)
    click.echo(f"kept {_size(kept)} of {version}")


@data.command()
@_OF
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="An empty folder, a store of its own afterwards.",
)
@click.pass_obj
def restore(ctx: Context, version: str, folder: Path) -> None:
    """Lay out what a version was trained on, and tell how to train it again."""
    folder = folder.absolute()
    kept = training_snapshot.restore(ctx.store, version, folder)
    click.echo(f"brought back {_size(kept)} of {version}")
    click.echo("to train it again, with its code checked out:")
    click.echo(f"  {_training(artifacts.read_manifest(ctx.store, version), folder)}")


@data.command()
@click.pass_obj
def sweep(ctx: Context) -> None:
    """Remove what belonged to versions that are gone, as every training does at its end."""
    click.echo(f"removed {training_snapshot.sweep(ctx.store)} files that no version needs")


def _size(kept: TrainingSnapshot) -> str:
    size = sum(file.size for file in kept.files)
    return f"{len(kept.files)} files, {size / 1e6:.1f} MB"


def _training(manifest: ModelManifest, folder: Path) -> str:
    settings = (f"STORE_URL={folder.as_uri()}", f"GIT_COMMIT={manifest.git_commit}")
    day = (manifest.as_of - timedelta(microseconds=1)).date()
    command = ("newsrec", "--params", str(folder / "params.yaml"), "train", "--date", str(day))
    return shlex.join([*settings, *command, "--as-of", manifest.as_of.isoformat(), "--no-promote"])
