"""`newsrec recommend`: slates for a day by the champion, published whole."""

from datetime import UTC, datetime

import click
import polars as pl

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import feast_loader
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.options import DAY, MOMENT
from newsrec_pipelines.progress import working
from newsrec_pipelines.scoring.evidence import Evidence, Origin
from newsrec_pipelines.scoring.run import Summary, new_run, readers_and_candidates, write_run


@click.command()
@click.option(
    "--date", "day", type=DAY, help="To serve.  [default with --refresh: that of the moment]"
)
@click.option(
    "--as-of",
    "moment",
    type=MOMENT,
    help="Use what was known before this ISO time with offset.  "
    "[default: DATE 00:00 UTC; with --refresh: now]",
)
@click.option(
    "--refresh",
    is_flag=True,
    help="Re-rank with the counters of articles that were materialized last.",
)
@click.pass_obj
def recommend(ctx: Context, day: datetime | None, moment: datetime | None, refresh: bool) -> None:
    """Write slates for every reader with the champion, and publish them in one moment."""
    if day is None and not refresh:
        raise click.UsageError("say which day to serve: --date")
    if moment is None:
        moment = datetime.now(UTC) if refresh or day is None else day.replace(tzinfo=UTC)
    date = (day or moment).date()
    # Pinned here: a promotion during the run changes the next run only.
    version = FileRegistry(ctx.store).champion()
    run = new_run(date, moment, version)
    summary = Summary(run.run_id)
    with connect(ctx.settings.require_database_url(), "newsrec_scoring") as conn:
        with summary.timed("load"):
            model = NewsModel.load(ctx.store, version)
        with summary.timed("request"), working("readers, articles and features"):
            request = readers_and_candidates(_request(ctx, moment, refresh), conn)
        evidence = Evidence(ctx.store, _origin(ctx, model, version))
        write_run(conn, evidence, run, model, request, ctx.params, summary)
    _print(summary, ctx.params.slate.depth)


def _request(ctx: Context, moment: datetime, refresh: bool) -> Request:
    if not refresh:
        return build_request(ctx.store, moment, ctx.params)
    with feast_loader.load().online(ctx.settings) as features:
        request = build_request(ctx.store, moment, ctx.params, online=features)
    # Rows stamped later count as unknown; without any others nothing would be popular.
    known = request.features.article.filter(pl.col("stamped_at") <= moment)
    if known.is_empty():
        raise DataError(
            f"the online store knows no article at {moment:%Y-%m-%d %H:%M}: "
            f"run newsrec materialize --as-of {moment:%Y-%m-%dT%H:%MZ}"
        )
    last = known.select(pl.col("stamped_at").max()).item()
    click.echo(f"counters of {known.height} articles, the last of {last:%Y-%m-%d %H:%M} UTC")
    return request


def _origin(ctx: Context, model: NewsModel, version: str) -> Origin:
    ranker, rules = model.ranker, model.params.slate
    return Origin(
        data_hash=read_manifest(ctx.store, version).data_hash,
        columns=ranker.names,
        used=ranker.used,
        trees=ranker.text,
        summed=ranker.scorers,
        reliability=rules.reliability,
        unrated=rules.unrated_reliability,
    )


def _print(summary: Summary, depth: int) -> None:
    click.echo(f"published {summary.run_id}")
    everybody = summary.readers + summary.without_slate
    click.echo(
        f"  {summary.readers} readers with {summary.places / max(summary.readers, 1):.1f} articles "
        f"on average from {summary.candidates} candidates, {summary.ranked / everybody:.0f} ranked "
        f"for each; {summary.cold / everybody:.0%} cold, "
        f"{summary.shorter} with fewer than {depth}, {summary.without_slate} without a slate"
    )
    seconds = ", ".join(f"{step} {s:.1f} s" for step, s in summary.seconds.items())
    click.echo(f"  {seconds}; rows of {summary.pruned} old runs dropped")
