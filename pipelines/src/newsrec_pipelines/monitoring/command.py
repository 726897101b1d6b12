"""`newsrec monitor`: what became of a day's slates, what drifts, and what follows from it."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import click
import psycopg2.extras

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import Connection, connect
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.monitoring import (
    actions,
    champions,
    drift,
    evidently_page,
    expectation,
    guarded,
    metrics,
    outcomes,
    quality,
    report,
    rules,
    serving,
)
from newsrec_pipelines.monitoring.champions import Champion
from newsrec_pipelines.monitoring.drift import Finding
from newsrec_pipelines.monitoring.expectation import Expectation
from newsrec_pipelines.monitoring.observed import observe
from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.monitoring.report import Report
from newsrec_pipelines.options import DAY
from newsrec_pipelines.progress import working
from newsrec_pipelines.rollout import variants


@click.command()
@click.option("--date", "day", type=DAY, required=True, help="The day to look at, once it is over.")
@click.pass_obj
def monitor(ctx: Context, day: datetime) -> None:
    """Keep what became of the day's slates, look for drift, raise alarms and act on them."""
    registry = FileRegistry(ctx.store)
    with connect(ctx.settings.require_database_url(), "newsrec_monitoring") as conn:
        with working("what became of the slates"):
            _keep_history(conn, ctx, day.date())
        champion = champions.look(ctx.store, registry, day.date())
        found = _look(conn, ctx, day.date(), champion)
        _write_drift(conn, day.date(), found.drift)
    alarms = rules.carried_over(report.alarms_of(ctx.store, day.date()), found.alarms)
    url = ctx.settings.require_database_url()
    found = replace(found, alarms=actions.carry_out(registry, url, alarms, day.date()))
    _write(ctx, found)
    _print(found)


def _keep_history(conn: Connection, ctx: Context, day: date) -> None:
    """The day and those before it whose late events may have come; days that are too old go."""
    params, late = ctx.params, ctx.params.etl.late_days
    for n in range(late, -1, -1):
        before = day - timedelta(days=n)
        if outcomes.keep(conn, before, late) is not None:
            found = quality.measure(conn, before, params.backtest, params.training.seed)
            quality.write(conn, before, found)
    outcomes.drop_old(conn, day - timedelta(days=params.monitoring.history_days))


def _look(conn: Connection, ctx: Context, day: date, champion: Champion | None) -> Report:
    params = ctx.params.monitoring
    weeks = timedelta(weeks=params.checks.usual_weeks)
    history = quality.history(conn, day - max(weeks, timedelta(days=params.reference_days)), day)
    suspects = [champion.version] if champion and champion.suspect else []
    expectations = expectation.evaluate(history, day, params, suspects)
    breaches = guarded.breaches(variants.active(conn), history, ctx.params.variants)
    with working("drift"):
        findings, pages = _drift(ctx, day)
    findings += [_of_model(e) for e in expectations]
    slates = serving.look(conn, day, ctx.params.slate.depth)
    checks = report.checks_key(day)
    return Report(
        day,
        rules.alarms(findings, expectations, champion, breaches, slates, params),
        [q for q in history if q.day == day],
        expectations,
        findings,
        slates,
        pages,
        ctx.store.read_json(checks) if ctx.store.exists(checks) else [],
    )


def _drift(ctx: Context, day: date) -> tuple[list[Finding], dict[str, str]]:
    """Findings, and the names of Evidently's pages."""
    observed = observe(ctx.store, day, ctx.params)
    params = ctx.params.monitoring.drift
    compared = drift.compare(observed, day, params, ctx.params.training.seed)
    findings = drift.findings(compared)
    if preferences := drift.of_preferences(observed, day, params):
        findings.insert(0, preferences)
    pages = {}
    for part in compared:
        if html := evidently_page.page(part):
            key = report.drift_key(day, part.subject)
            ctx.store.write_bytes(key, html.encode())
            pages[part.subject] = key.rsplit("/", 1)[1]
    return findings, pages


def _of_model(e: Expectation) -> Finding:
    q: Quality = e.realised
    detail = f"{q.variant} {q.model_version}: {q.dwell:.1f} s a reader, {e.expected:.1f} s expected"
    return Finding("model", f"dwell_{q.variant}", "bootstrap", q.dwell, e.least, e.degraded, detail)


def _write_drift(conn: Connection, day: date, findings: list[Finding]) -> None:
    """In place of what an earlier look at the same day found."""
    with conn, conn.cursor() as cursor:
        cursor.execute("DELETE FROM drift WHERE day = %s", (day,))
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO drift (day, subject, name, method, value, threshold, drifted) VALUES %s "
            "ON CONFLICT (day, subject, name) DO NOTHING",
            [(day, f.subject, f.name, f.method, f.value, f.threshold, f.drifted) for f in findings],
        )


def _write(ctx: Context, found: Report) -> None:
    ctx.store.write_bytes(report.key(found.day, "html"), report.as_html(found).encode())
    ctx.store.write_json(report.key(found.day), report.as_json(found))
    samples = metrics.of_monitor(
        found.drift, found.quality, found.expectations, found.serving, found.alarms
    )
    ctx.metrics.gauges(samples)


def _print(found: Report) -> None:
    for q in found.quality:
        known = q.dwell is not None and q.low is not None and q.high is not None
        dwell = f"{q.dwell:.1f} s ({q.low:.1f} to {q.high:.1f})" if known else "not available"
        click.echo(
            f"{found.day} {q.variant} {q.model_version}: {q.slates:,} slates, "
            f"{q.readers:,} readers, dwell a reader {dwell}"
        )
    moved = sum(f.drifted for f in found.drift)
    click.echo(f"{found.day} drift: {moved} of {len(found.drift)} measures")
    for a in found.alarms:
        done = f"; {a.done}" if a.done else ""
        click.echo(f"alarm {a.name} ({a.severity}, {a.action}): {a.detail}{done}")
    if not found.alarms:
        click.echo("no alarms")
