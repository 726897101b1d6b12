"""`newsrec etl`: what arrived on a day, into PostgreSQL, clean Parquet and counters."""

import logging
from collections import Counter
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DataError, NewsrecError
from newsrec_pipelines.etl.plan import landing_days
from newsrec_pipelines.etl.run import Etl, Pipeline
from newsrec_pipelines.etl.runs import only_one
from newsrec_pipelines.options import DAY, day_range
from newsrec_pipelines.progress import track
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.stage_metrics import StageMetrics


@click.command()
@click.option("--date", "day", type=DAY, help="Day of arrival.")
@click.option("--from", "first", type=DAY, help="First of several days.")
@click.option("--to", "last", type=DAY, help="Last of several days.")
@click.option(
    "--runner",
    default="FnApiRunner",
    show_default=True,
    help="Beam runner: FnApiRunner, DirectRunner (a process a core), FlinkRunner, ...",
)
@click.option("--beam", "flags", multiple=True, metavar="NAME=VALUE", help="An option of Beam.")
@click.option("--allow-empty", is_flag=True, help="It is no error when nothing arrived.")
@click.pass_obj
def etl(
    ctx: Context,
    day: datetime | None,
    first: datetime | None,
    last: datetime | None,
    runner: str,
    flags: tuple[str, ...],
    allow_empty: bool,
) -> None:
    """Check, normalise and deduplicate what arrived, and store it."""
    days = _days(ctx, *day_range(day, first, last), allow_empty=allow_empty)
    pipeline = _pipeline(runner, flags)
    with connect(ctx.settings.require_database_url(), "newsrec_etl") as conn, only_one(conn):
        run = Etl(conn, ctx.store, ctx.params, pipeline)
        for batch_id in run.repair():
            click.echo(f"repaired {batch_id}, which had been interrupted")
        several = len(days) > 1
        for d in track(days, "etl") if several else days:
            try:
                *_, last_step = run.day(d) if several else track(run.day(d), f"etl {d}")
            except OSError as e:
                raise NewsrecError(f"{d}: cannot write to {ctx.store.url}: {e}") from e
            click.echo(_report(d, run.counts, unchanged=last_step == "unchanged"))
            if last_step != "unchanged":
                _measure(ctx.metrics, run.counts)


def _measure(metrics: StageMetrics, counts: dict[str, Any]) -> None:
    for name in ENTITIES:
        metrics.rows(name, counts[name]["rows"])
        metrics.dead_letters(name, Counter(counts[name]["dead_letters"]).total())


def _days(ctx: Context, first: date, last: date, *, allow_empty: bool) -> list[date]:
    """Days to process: within a range also those between, on which nothing arrived."""
    there = [d for d in landing_days(ctx.store) if first <= d <= last]
    if not there:
        span = f"on {first}" if first == last else f"from {first} to {last}"
        if allow_empty:
            click.echo(f"nothing arrived {span}")
            return []
        raise DataError(f"nothing arrived {span}: {ctx.store.url}/landing has no such day")
    return [there[0] + timedelta(days=n) for n in range((there[-1] - there[0]).days + 1)]


def _pipeline(runner: str, flags: tuple[str, ...]) -> Pipeline:
    """The pipeline on a runner; Beam, which takes 3 s to import, only when something is to do."""

    @cache
    def load() -> Pipeline:
        # Beam warns of cloud clients that nobody asked for.
        logging.disable(logging.WARNING)
        try:
            from newsrec_pipelines.etl.runners import bound_pipeline
        finally:
            logging.disable(logging.NOTSET)
        return bound_pipeline(runner, flags)

    return lambda *args: load()(*args)


def _report(day: date, counts: dict[str, Any], *, unchanged: bool) -> str:
    if unchanged:
        return f"{day}: unchanged, nothing to do"
    lines = []
    for name in ENTITIES:
        c = counts[name]
        reasons = Counter(c["dead_letters"])
        if not c["records"]:
            continue
        line = (
            f"{day} {name:<12} {c['records']:>8} records {c['rows']:>8} rows "
            f"{c['duplicates'] + c['known']:>6} duplicates {reasons.total():>5} dead letters"
        )
        lines.append(line)
        lines += [f"{'':>25}{n:>6} {reason}" for reason, n in reasons.most_common()]
    return "\n".join(lines) or f"{day}: nothing arrived"
