"""`newsrec recommend`: slates for a day by the champion, published whole."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import click
import polars as pl

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import feast_loader
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.options import DAY, MOMENT
from newsrec_pipelines.progress import working
from newsrec_pipelines.rollout.variants import CHAMPION, active
from newsrec_pipelines.scoring.evidence import Evidence
from newsrec_pipelines.scoring.run import Summary, new_run, readers_and_candidates, write_run
from newsrec_pipelines.scoring.versions import Versions


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
    # Pinned here, with the variants: a change during the run changes the next run only.
    version = FileRegistry(ctx.store).champion()
    run = new_run(date, moment, version)
    summary = Summary(run.run_id)
    versions = Versions(ctx.store)
    with connect(ctx.settings.require_database_url(), "newsrec_scoring") as conn:
        variants = {v: partial(versions.load, v.model_version) for v in active(conn)}
        with summary.timed("load"):
            champion = versions.load(version)
        with summary.timed("request"), working("readers, articles and features"):
            request = readers_and_candidates(_request(ctx, moment, refresh), conn)
        write_run(conn, Evidence(ctx.store), run, champion, request, ctx.params, summary, variants)
    _print(summary, ctx.params.slate.depth)
    ctx.metrics.gauges(_gauges(summary))


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


def _print(summary: Summary, depth: int) -> None:
    click.echo(f"published {summary.run_id}")
    everybody = summary.readers + summary.without_slate
    click.echo(
        f"  {summary.readers} readers with {summary.places / max(summary.readers, 1):.1f} articles "
        f"on average from {summary.candidates} candidates, {summary.ranked / everybody:.0f} ranked "
        f"for each; {summary.cold / everybody:.0%} cold, "
        f"{summary.shorter} with fewer than {depth}, {summary.without_slate} without a slate"
    )
    for variant, made in summary.variants.items():
        click.echo(
            f"  {variant.name}, {variant.percent:f} percent with {variant.model_version}: "
            f"{made.readers} readers with {made.places / max(made.readers, 1):.1f} articles on "
            f"average, {made.shorter} with fewer than {depth}, {made.without_slate} without a slate"
        )
    seconds = ", ".join(f"{step} {s:.1f} s" for step, s in summary.seconds.items())
    click.echo(f"  {seconds}; rows of {summary.pruned} old runs dropped")
    # The run is published, and what comes next needs it: to fail would only have it made again.
    for variant, why in summary.skipped.items():
        click.echo(
            f"newsrec: variant {variant.name} has no slates in this run, its readers get the "
            f"champion's: {why}",
            err=True,
        )


def _gauges(summary: Summary) -> Iterator[tuple[str, dict[str, str], float]]:
    yield "newsrec_variants_skipped", {}, len(summary.skipped)
    yield "newsrec_variant_readers", {"variant": CHAMPION}, summary.readers
    for variant, made in summary.variants.items():
        yield "newsrec_variant_readers", {"variant": variant.name}, made.readers
