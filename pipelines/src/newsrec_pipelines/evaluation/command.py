"""`newsrec evaluate`: how good was a model on days that it had not seen?"""

from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from newsrec_pipelines.context import Context
from newsrec_pipelines.evaluation import evaluate as evaluations
from newsrec_pipelines.evaluation import plots, report
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.options import DAY
from newsrec_pipelines.tracking import Run, tracked


@click.command()
@click.option("--date", "day", type=DAY, help="Evaluate one version on this day.")
@click.option("--model", "version", help="The version.  [default: the champion]")
@click.option("--from", "first", type=DAY, help="Walk forward from this day ...")
@click.option("--to", "last", type=DAY, help="... to this one, making models on the way.")
@click.option(
    "--refit-days",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Make the model anew every so many days.",
)
@click.option(
    "--into",
    "folder",
    default=report.FOLDER,
    show_default=True,
    help="Folder of the reports, in the store.",
)
@click.pass_obj
def evaluate(
    ctx: Context,
    day: datetime | None,
    version: str | None,
    first: datetime | None,
    last: datetime | None,
    refit_days: int,
    folder: str,
) -> None:
    """Evaluate a model beside popularity, ALS, content and chance; write JSON and an HTML page."""
    if not (day and not (first or last)) and not (first and last and not (day or version)):
        raise click.UsageError("give --date (and --model), or --from and --to")
    if first and last and first > last:
        raise click.UsageError("--from must not be after --to")
    with tracked(ctx.settings, "evaluate", ctx.params) as run:
        if day:
            version = version or FileRegistry(ctx.store).champion()
            run.tags(model_version=version)
            result = evaluations.evaluate_version(ctx.store, ctx.params, version, day.date())
        elif first and last:
            result = evaluations.walk_forward(
                ctx.store, ctx.params, first.date(), last.date(), refit_days
            )
        keys = report.write(ctx.store, result, folder)
        _track(ctx, run, result, keys[-1])
    _print(result)
    for key in keys:
        click.echo(f"  {ctx.store.where(key)}")


def _track(ctx: Context, run: Run, result: evaluations.Evaluation, page: str) -> None:
    days = [evaluation.day for evaluation in result.evaluations]
    run.name = f"{result.model} on {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "")
    run.data_hash = result.data_hash
    run.tags(model=result.model, first_day=days[0], last_day=days[-1])
    for system, metrics in report.flat_metrics(result).items():
        run.metrics(metrics, prefix=f"{system}/")
    run.metrics({name: float(count) for name, count in result.counts().items()}, prefix="counts/")
    for name, content in plots.figures(ctx.store.read_bytes(page).decode()).items():
        run.figure(name, content)
    run.report(page)
    for name, count in result.counts().items():
        ctx.metrics.rows(name, count)


def _print(result: evaluations.Evaluation) -> None:
    click.echo(f"model {result.model}")
    counts = ", ".join(f"{count:,} {name}" for name, count in result.counts().items())
    click.echo(f"  {counts}")
    table = Table("system", *(report.METRICS), box=None, pad_edge=False)
    for system, metrics in result.means().items():
        values = (metrics[m].value if m in metrics else None for m in report.METRICS)
        table.add_row(system, *("n/a" if v is None else f"{v:.4f}" for v in values))
    Console(width=120).print(table)
