"""`newsrec experiment`: our slates beside a held-out group, on a world of its own."""

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

import click
import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.context import Context
from newsrec_pipelines.etl.command import etl
from newsrec_pipelines.experiment.comparison import compare, summary
from newsrec_pipelines.experiment.play import Experiment
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.training.command import train

_STAGES: Final = {"etl": etl, "train": train}


@click.command()
@click.option(
    "--days", type=click.IntRange(min=1), default=14, show_default=True, help="After the history."
)
@click.option(
    "--front-page-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.5,
    show_default=True,
    help="Share of the visits of both groups that see the front page and do not count.",
)
@click.option("--same-for-both", is_flag=True, help="An A/A test: popular slates for both groups.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The JSON."
)
@click.pass_obj
def experiment(
    ctx: Context, days: int, front_page_share: float, same_for_both: bool, out: Path
) -> None:
    """Play days of the simulated world: half of the readers get our slates, half popular ones.

    Needs a migrated database and a store without any data.
    """

    def stage(name: str, *options: str) -> None:
        _STAGES[name].main([*options], f"newsrec {name}", standalone_mode=False, obj=ctx)

    def champion() -> NewsModel:
        return NewsModel.load(ctx.store, FileRegistry(ctx.store).champion())

    played = Experiment(ctx, days, front_page_share, None if same_for_both else champion, stage)
    parts = []
    for part in played.play():
        parts.append(part)
        click.echo(f"{part['day'][0]}: {part.height:,} visits saw a slate")
    params = ctx.params
    result = {
        "world": params.world.model_dump(mode="json"),
        "days": days,
        "front_page_share": front_page_share,
        "same_for_both": same_for_both,
        **compare(pl.concat(parts), _before(ctx), params.backtest, params.training.seed),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    click.echo(summary(result))


def _before(ctx: Context) -> pl.DataFrame:
    """How long each reader read on a day of the history: ``user_id``, ``dwell_before``."""
    world = ctx.params.world
    last = world.start + timedelta(days=world.history_days - 1)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    reads = partitions.load(ctx.store, "reads", end, world.start, last)
    return reads.group_by("user_id").agg(
        dwell_before=pl.col("dwell_seconds").sum().cast(pl.Float64) / world.history_days
    )
