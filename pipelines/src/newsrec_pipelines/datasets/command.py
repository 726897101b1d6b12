"""`newsrec import` and `newsrec export`: into the landing zone, from official files and the API."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.datasets import deskdrop, ebnerd, mind
from newsrec_pipelines.datasets.export import export_day
from newsrec_pipelines.datasets.landing import Import, importing
from newsrec_pipelines.options import DAY, day_range

_PATH = click.Path(path_type=Path)


@click.group("import")
def import_group() -> None:
    """Bring official files, as they were downloaded, into the landing zone."""


@import_group.command("mind")
@click.argument("path", type=_PATH)
@click.pass_obj
def import_mind(ctx: Context, path: Path) -> None:
    """MIND: a folder or zip with news.tsv and behaviors.tsv; train and dev together or apart."""
    _import(ctx, "mind", path, mind.convert)


@import_group.command("ebnerd")
@click.argument("path", type=_PATH)
@click.pass_obj
def import_ebnerd(ctx: Context, path: Path) -> None:
    """EB-NeRD: a folder or zip with train/ and validation/, with or without articles.parquet."""
    _import(ctx, "ebnerd", path, ebnerd.convert)


@import_group.command("deskdrop")
@click.argument("path", type=_PATH)
@click.pass_obj
def import_deskdrop(ctx: Context, path: Path) -> None:
    """Deskdrop: users_interactions.csv, with or without shared_articles.csv; zip or gz too."""
    _import(ctx, "deskdrop", path, deskdrop.convert)


@click.command()
@click.option("--date", "day", type=DAY, help="Day of arrival.")
@click.option("--from", "first", type=DAY, help="First of several days.")
@click.option("--to", "last", type=DAY, help="Last of several days.")
@click.pass_obj
def export(
    ctx: Context, day: datetime | None, first: datetime | None, last: datetime | None
) -> None:
    """Bring what the API and the emails received on a day into the landing zone."""
    begin, end = day_range(day, first, last)
    for n in range((end - begin).days + 1):
        _export(ctx, begin + timedelta(days=n))


def _export(ctx: Context, day: date) -> None:
    counts = export_day(ctx.store, ctx.settings.require_database_url(), day)
    if not any(counts.values()):
        print(f"{day}: nothing was received")
        return
    told = ", ".join(f"{n:,} {what}" for what, n in counts.items())
    print(f"{day}: {told} into the landing zone")


def _import(ctx: Context, source: str, path: Path, convert: Callable[[Path, Import], None]) -> None:
    with importing(source) as found:
        convert(path, found)
        found.publish(ctx.store)
        told = ", ".join(f"{n:,} {entity}" for entity, n in sorted(found.counts.items()))
        days = f"{min(found.days)} to {max(found.days)}, {len(found.days):,} days with data"
        print(f"{source}: {told}; {days}")
        print(f"{source}: {found.summary()}")
