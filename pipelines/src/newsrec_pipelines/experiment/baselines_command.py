"""`newsrec baselines`: ours beside every baseline on a simulated world, by its hidden truth."""

import json
from datetime import datetime
from pathlib import Path

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.experiment.baselines import compare_baselines, table
from newsrec_pipelines.options import DAY


@click.command()
@click.option("--from", "first", type=DAY, help="First day.  [default: backtest.first_day]")
@click.option("--to", "last", type=DAY, help="Last day.  [default: backtest.last_day]")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The JSON."
)
@click.pass_obj
def baselines(ctx: Context, first: datetime | None, last: datetime | None, out: Path) -> None:
    """Say what each system's slates would be worth to the readers of a simulated world."""
    fixed = ctx.params.backtest
    first_day = first.date() if first else fixed.first_day
    last_day = last.date() if last else fixed.last_day
    if first_day is None or last_day is None or first_day > last_day:
        raise click.UsageError("say which days, in order: --from and --to")
    result = compare_baselines(ctx.store, ctx.params, first_day, last_day)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for line in table(result):
        click.echo(line)
