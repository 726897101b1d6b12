"""`newsrec variants`: another model version's slates for a share of the readers."""

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import Connection, connect
from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.operations.audit_options import recorded
from newsrec_pipelines.rollout.variants import (
    CHAMPION,
    Variant,
    active,
    end_variant,
    last_version,
    set_variants,
)

_ROLE: Final = "newsrec_operations"
_CHALLENGER: Final = "challenger"  # the one variant whose version the registry knows
_SHARE: Final = re.compile(r"([^@=]+)(?:@([^@=]+))?=([0-9]+(?:\.[0-9]+)?)")


class _Asked(NamedTuple):
    name: str
    version: str | None
    percent: Decimal


class _Share(click.ParamType):
    """``NAME[@VERSION]=PERCENT``."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> _Asked:
        found = _SHARE.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not NAME[@VERSION]=PERCENT", param, ctx)
        return _Asked(found[1], found[2], Decimal(found[3]))


@click.group()
def variants() -> None:
    """Give a share of the readers another model version's slates, in API and emails alike."""


@variants.command("set")
@click.argument("shares", nargs=-1, required=True, type=_Share(), metavar="NAME[@VERSION]=PERCENT…")
@recorded
@click.pass_obj
def set_(ctx: Context, shares: tuple[_Asked, ...], by: str, why: str) -> None:
    """Set variants; all that are named, or none. 0 percent ends one.

    Without VERSION, `challenger` is the registry's challenger, any other variant what it was.
    Readers see it from the next `newsrec recommend` on; what they lose, they lose at once.
    """
    with connect(ctx.settings.require_database_url(), _ROLE) as conn:
        wanted = {asked.name: (_version(ctx, conn, asked), asked.percent) for asked in shares}
        if len(wanted) < len(shares):
            raise ConfigError("the same variant is named twice")
        changed = set_variants(conn, wanted, by=by, why=why)
        for name in wanted:
            click.echo(f"{name}: {'' if name in changed else 'nothing to change, '}", nl=False)
            click.echo(_now(active(conn), name))


@variants.command()
@click.argument("name")
@recorded
@click.pass_obj
def end(ctx: Context, name: str, by: str, why: str) -> None:
    """Give the readers of a variant back to the champion, at once."""
    with connect(ctx.settings.require_database_url(), _ROLE) as conn:
        if not end_variant(conn, name, by, why):
            raise ConfigError(f"no variant {name} holds: {_names(active(conn))}")
    click.echo(f"{name}: ended, its readers are the champion's again")


@variants.command("list")
@click.pass_obj
def list_(ctx: Context) -> None:
    """Tell which variants hold, who has slates of them, and how long these are read."""
    with connect(ctx.settings.require_database_url(), "newsrec_reader") as conn:
        holding = active(conn)
        if not holding:
            click.echo(f"no variant holds: every reader gets the {CHAMPION}'s slates")
            return
        for variant in holding:
            click.echo(
                f"{variant.name}: {variant.percent:f} percent with {variant.model_version}, since "
                f"{variant.began_at:%Y-%m-%d %H:%M} UTC; set {variant.set_at:%Y-%m-%d %H:%M} UTC "
                f"by {variant.by}: {variant.why}"
            )
            click.echo(f"  {_slates(conn, variant)}")
            for line in _read(conn, variant, ctx.params.variants.days):
                click.echo(f"  {line}")


def _version(ctx: Context, conn: Connection, asked: _Asked) -> str:
    """The version that is asked for, which exists."""
    version = asked.version
    if version is None and asked.percent:
        if asked.name == _CHALLENGER:
            version = FileRegistry(ctx.store).challenger()
        else:
            version = last_version(conn, asked.name)
    if version is not None:
        read_manifest(ctx.store, version)
    elif asked.percent:
        raise ConfigError(f"which model? say {asked.name}@VERSION={asked.percent:f}")
    return version or ""


def _now(holding: tuple[Variant, ...], name: str) -> str:
    for variant in holding:
        if variant.name == name:
            return f"{variant.percent:f} percent with {variant.model_version}"
    return f"ended, its readers are the {CHAMPION}'s"


def _names(holding: tuple[Variant, ...]) -> str:
    return f"there are {', '.join(v.name for v in holding)}" if holding else "there is none"


def _slates(conn: Connection, variant: Variant) -> str:
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT run_id, readers FROM recommendation_runs WHERE status = 'published' "
            "ORDER BY date DESC, published_at DESC LIMIT 1"
        )
        run = cursor.fetchone()
        if run is None:
            return "no run is published"
        cursor.execute(
            "SELECT count(*) FROM recommendations "
            "WHERE run_id = %s AND variant = %s AND model_version = %s",
            (run[0], variant.name, variant.model_version),
        )
        counted = cursor.fetchone()
    return f"{counted[0] if counted else 0} of {run[1]} readers have a slate of it in run {run[0]}"


def _read(conn: Connection, variant: Variant, days: int) -> list[str]:
    """Its realised dwell on the last days, as the monitor computed it, beside the champion's."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (v.day) v.day, v.readers, v.dwell_per_reader, v.low, v.high, "
            "c.readers, c.dwell_per_reader, c.low, c.high FROM realised_quality v "
            "LEFT JOIN realised_quality c ON c.day = v.day AND c.variant = %(champion)s "
            "WHERE v.variant = %(name)s AND v.model_version = %(version)s "
            # The champion may have changed on a day.
            "ORDER BY v.day DESC, c.readers DESC NULLS LAST LIMIT %(days)s",
            {
                "champion": CHAMPION,
                "name": variant.name,
                "version": variant.model_version,
                "days": days,
            },
        )
        rows = cursor.fetchall()
    return [f"{day}: {_dwell(*row[:4])}; {CHAMPION} {_dwell(*row[4:])}" for day, *row in rows]


def _dwell(readers: int | None, dwell: float | None, low: float | None, high: float | None) -> str:
    if readers is None or dwell is None:
        return "no dwell is known"
    interval = "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"
    return f"{dwell:.1f} s a reader{interval}, {readers} readers"
