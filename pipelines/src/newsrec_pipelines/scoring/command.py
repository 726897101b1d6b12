"""`newsrec recommend`: slates for a day by the champion, published whole."""

from datetime import UTC, datetime

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.options import DAY, MOMENT
from newsrec_pipelines.progress import working
from newsrec_pipelines.scoring.run import Summary, new_run, readers_and_candidates, write_run


@click.command()
@click.option("--date", "day", required=True, type=DAY, help="To serve.")
@click.option(
    "--as-of",
    "moment",
    type=MOMENT,
    help="Use what was known before this ISO time with offset.  [default: DATE 00:00 UTC]",
)
@click.pass_obj
def recommend(ctx: Context, day: datetime, moment: datetime | None) -> None:
    """Write slates for every reader with the champion, and publish them in one moment."""
    moment = moment or day.replace(tzinfo=UTC)
    # Pinned here: a promotion during the run changes the next run only.
    version = FileRegistry(ctx.store).champion()
    run = new_run(day.date(), moment, version)
    summary = Summary(run.run_id)
    with connect(ctx.settings.require_database_url(), "newsrec_scoring") as conn:
        with summary.timed("load"):
            model = NewsModel.load(ctx.store, version)
        with summary.timed("request"), working("readers, articles and features"):
            request = readers_and_candidates(build_request(ctx.store, moment, ctx.params), conn)
        write_run(conn, run, model, request, ctx.params, summary)
    _print(summary, ctx.params.slate.depth)


def _print(summary: Summary, depth: int) -> None:
    click.echo(f"published {summary.run_id}")
    everybody = summary.readers + summary.without_slate
    click.echo(
        f"  {summary.readers} readers with {summary.places / max(summary.readers, 1):.1f} articles "
        f"on average from {summary.candidates} candidates; {summary.cold / everybody:.0%} cold, "
        f"{summary.shorter} with fewer than {depth}, {summary.without_slate} without a slate"
    )
    seconds = ", ".join(f"{step} {s:.1f} s" for step, s in summary.seconds.items())
    click.echo(f"  {seconds}; rows of {summary.pruned} old runs dropped")
