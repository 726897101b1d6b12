"""`newsrec models`: which versions there are, which one serves, and back to an earlier one."""

import click
from rich.console import Console
from rich.table import Table

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models import artifacts, kind
from newsrec_pipelines.models.history import State
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.training_configuration import TrainingConfiguration
from newsrec_pipelines.operations.audit_options import recorded
from newsrec_pipelines.rollout.variants import active
from newsrec_pipelines.tracking import registry_changed


@click.group()
def models() -> None:
    """Look at models, and say which one serves. Readers see it from the next run on."""


@models.command("list")
@click.pass_obj
def list_(ctx: Context) -> None:
    """Tell all versions, oldest first, and what each is."""
    registry = FileRegistry(ctx.store)
    state, variants = registry.state(), _variants(ctx)
    columns = ("version", "known until", "kind", "configuration", "MB", "is")
    table = Table(*columns, box=None, pad_edge=False)
    for version in registry.versions():
        known, name, configuration, size = _about(ctx, version)
        roles = [*_roles(state, version), *(f"variant {v}" for v in variants.get(version, []))]
        table.add_row(version, known, name, configuration, size, ", ".join(roles))
    Console(width=140).print(table)


@models.command()
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True)
@click.pass_obj
def history(ctx: Context, last: int) -> None:
    """Tell what was done, by whom and why, the latest at the end."""
    for event in FileRegistry(ctx.store).history()[-last:]:
        click.echo(
            f"{event.at:%Y-%m-%d %H:%M:%S} UTC  {event.action} {event.version} "
            f"by {event.by}: {event.why}"
        )


@models.command()
@click.argument("version")
@recorded
@click.pass_obj
def promote(ctx: Context, version: str, by: str, why: str) -> None:
    """Make VERSION the champion, whatever the gate says of it."""
    kind.load(ctx.store, version)  # what cannot be loaded would serve nobody
    FileRegistry(ctx.store).promote(version, by=by, why=why)
    _done(ctx, f"{version} is the champion")


@models.command()
@click.option("--to", help="Any version.  [default: the champion before this one]")
@recorded
@click.pass_obj
def rollback(ctx: Context, to: str | None, by: str, why: str) -> None:
    """Let an earlier version serve again. Nothing is trained."""
    registry = FileRegistry(ctx.store)
    to = to or registry.earlier()
    kind.load(ctx.store, to)
    registry.rollback(to, by=by, why=why)
    _done(ctx, f"{to} is the champion again")


@models.command()
@click.argument("version")
@recorded
@click.pass_obj
def challenge(ctx: Context, version: str, by: str, why: str) -> None:
    """Make VERSION the challenger: what `newsrec variants set challenger=10` gives to readers."""
    kind.load(ctx.store, version)
    FileRegistry(ctx.store).challenge(version, by=by, why=why)
    _done(ctx, f"{version} is the challenger")


@models.command()
@click.argument("version")
@recorded
@click.pass_obj
def freeze(ctx: Context, version: str, by: str, why: str) -> None:
    """Approve VERSION: it stays as it is, and cannot be removed."""
    artifacts.load(ctx.store, version)  # what is approved must be what was saved
    FileRegistry(ctx.store).freeze(version, by=by, why=why)
    _done(ctx, f"{version} is frozen")


@models.command()
@click.argument("version")
@recorded
@click.pass_obj
def remove(ctx: Context, version: str, by: str, why: str) -> None:
    """Remove the files of VERSION. What serves or is frozen stays."""
    if names := _variants(ctx).get(version):
        raise ModelError(f"model {version} cannot be removed: variant {', '.join(names)} has it")
    FileRegistry(ctx.store).remove(version, by=by, why=why)
    _done(ctx, f"{version} is removed")


def _done(ctx: Context, said: str) -> None:
    click.echo(said)
    registry_changed(ctx.settings)


def _variants(ctx: Context) -> dict[str, list[str]]:
    """Version -> names of the variants that have it; none where there is no database."""
    found: dict[str, list[str]] = {}
    if ctx.settings.database_url is not None:
        with connect(ctx.settings.database_url, "newsrec_reader") as conn:
            for variant in active(conn):
                found.setdefault(variant.model_version, []).append(variant.name)
    return found


def _about(ctx: Context, version: str) -> tuple[str, str, str, str]:
    """Until when it knows, its kind, its configuration and its size, as far as they can be read."""
    size = f"{artifacts.size(ctx.store, version) / 1e6:.1f}"
    try:
        manifest = artifacts.read_manifest(ctx.store, version)
    except ModelError:
        return "damaged", "", "", size
    known = f"{manifest.as_of:%Y-%m-%d %H:%M}"
    try:
        return known, manifest.name, TrainingConfiguration.of_version(manifest).id, size
    except ModelError:
        return known, manifest.name, "of other code", size


def _roles(state: State, version: str) -> list[str]:
    return [
        name
        for name, holds in (
            ("champion", version == state.champion),
            ("challenger", version == state.challenger),
            ("frozen", version in state.frozen),
            ("was champion", version in state.served and version != state.champion),
        )
        if holds
    ]
