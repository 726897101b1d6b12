"""`newsrec gate`: every day, is what would be made today fit to serve?"""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DatabaseError, DataError, ModelError
from newsrec_pipelines.gate import decide as deciding
from newsrec_pipelines.gate import evaluation, report
from newsrec_pipelines.gate import train as training
from newsrec_pipelines.gate.steps import CHALLENGER, REFIT, DayEvaluation, Decision, Trained
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.retention import prune
from newsrec_pipelines.models.training_configuration import TrainingConfiguration
from newsrec_pipelines.options import DAY
from newsrec_pipelines.progress import working
from newsrec_pipelines.rollout.variants import active
from newsrec_pipelines.tracking import Run, registry_changed, tracked


def _dated(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--date", "day", required=True, type=DAY, help="That evaluates: the last one that is over."
    )(command)


@click.group()
def gate() -> None:
    """Train what may serve tomorrow, evaluate it on a day that it has not seen, and decide.

    Each step may run again, and a gate that has decided does nothing any more.
    """


@gate.command()
@_dated
@click.pass_obj
def train(ctx: Context, day: datetime) -> None:
    """Train the champion's training configuration and today's to the evening before the day."""
    _train(ctx, day.date())


@gate.command()
@_dated
@click.pass_obj
def evaluate(ctx: Context, day: datetime) -> None:
    """Evaluate what was trained by the slates of the day."""
    _evaluate(ctx, day.date())


@gate.command()
@_dated
@click.pass_obj
def decide(ctx: Context, day: datetime) -> None:
    """Train the winner through the day, and make it the champion."""
    _decide(ctx, day.date())


@gate.command()
@_dated
@click.pass_obj
def run(ctx: Context, day: datetime) -> None:
    """Do all three, one after the other."""
    _train(ctx, day.date())
    _evaluate(ctx, day.date())
    _decide(ctx, day.date())


def _train(ctx: Context, day: date) -> None:
    if _is_done(ctx, day):
        return
    today = TrainingConfiguration.of(ctx.params, ctx.settings.git_commit)
    state = FileRegistry(ctx.store).state()
    trained = Trained.load(ctx.store, day)
    began = trained is not None and any(e.cause == deciding.cause(trained) for e in state.events)
    if trained is None or not (began or _still_holds(trained, today, state.champion)):
        trained = training.train(ctx.store, ctx.settings, today, day)
        trained.save(ctx.store)
    for system, version in trained.versions.items():
        click.echo(f"{system}: {version}")
    for system, why in trained.failed.items():
        click.echo(f"{system}: none: {why}", err=True)
    for note in trained.notes:
        click.echo(note)


def _evaluate(ctx: Context, day: date) -> None:
    if _is_done(ctx, day):
        return
    trained = _trained(ctx, day)
    evaluated = DayEvaluation.load(ctx.store, day)
    if evaluated is None or evaluated.of != evaluation.digest(trained):
        with working("make the slates of the day, and evaluate them"):
            evaluated = evaluation.evaluate(ctx.store, ctx.params, trained)
        evaluated.save(ctx.store)
    if evaluated.metric is None:
        click.echo(f"nothing to evaluate by: {evaluated.missing}")
        return
    click.echo(f"{evaluated.metric} of {evaluated.counts['readers evaluated']} readers")
    for system, found in evaluated.measured.items():
        click.echo(f"  {system}: {found.metrics[evaluated.metric].value:.4f}")


def _decide(ctx: Context, day: date) -> None:
    if _is_done(ctx, day):
        return
    trained = _trained(ctx, day)
    evaluated = DayEvaluation.load(ctx.store, day)
    if evaluated is None or evaluated.of != evaluation.digest(trained):
        raise DataError(f"run newsrec gate evaluate --date {day} first")
    with tracked(ctx.settings, "gate", ctx.params) as run:
        decision = deciding.decide(ctx.store, ctx.settings, trained, evaluated, ctx.params)
        keys = report.write(ctx.store, trained, evaluated, decision)
        # The last file of a gate: with it, all is done.
        decision.save(ctx.store)
        _describe(run, trained, evaluated, decision, keys)
        run.data_hash = _data_hash(ctx, trained, decision)
    for name, value in _gauges(evaluated, decision):
        ctx.metrics.gauge(name, value)
    _print(decision)
    for key in keys:
        click.echo(f"  {ctx.store.where(key)}")
    _prune(ctx)


def _is_done(ctx: Context, day: date) -> bool:
    decision = Decision.load(ctx.store, day)
    if decision is not None:
        click.echo(f"the gate of {day} is done")
        _print(decision)
    return decision is not None


def _still_holds(trained: Trained, today: TrainingConfiguration, champion: str | None) -> bool:
    return (trained.configuration, trained.champion) == (today.id, champion) and not trained.failed


def _trained(ctx: Context, day: date) -> Trained:
    trained = Trained.load(ctx.store, day)
    if trained is None:
        raise DataError(f"run newsrec gate train --date {day} first")
    if trained.git_commit != ctx.settings.git_commit:
        raise DataError(
            f"the code changed since newsrec gate train --date {day}: run that again, then evaluate"
        )
    return trained


def _print(decision: Decision) -> None:
    click.echo(
        f"{decision.outcome}: {decision.version or 'no model'} serves: {decision.why}"
        if decision.outcome == "kept"
        else f"promoted: {decision.version}, the {decision.winner}'s configuration: {decision.why}"
    )


def _prune(ctx: Context) -> None:
    in_use: list[str] = []
    if ctx.settings.database_url is not None:
        try:
            with connect(ctx.settings.database_url, "newsrec_reader") as conn:
                in_use = [variant.model_version for variant in active(conn)]
        except DatabaseError as e:
            click.echo(f"old versions stay, since nobody knows which variants hold: {e}", err=True)
            return
    registry = FileRegistry(ctx.store)
    gone = prune(registry, ctx.params.training.keep_versions, in_use, by=deciding.BY)
    if gone:
        click.echo(f"removed {', '.join(gone)}")
        registry_changed(ctx.settings)


def _describe(
    run: Run, trained: Trained, evaluated: DayEvaluation, decision: Decision, keys: list[str]
) -> None:
    run.name = f"gate {decision.day}"
    run.tags(
        outcome=decision.outcome,
        winner=decision.winner,
        model_version=decision.version,
        before=decision.before,
        configuration=trained.configuration,
        metric=evaluated.metric,
    )
    for system, found in evaluated.measured.items():
        values = {name: estimate.value for name, estimate in found.metrics.items()}
        values |= {"coverage": found.coverage, "megabytes": found.megabytes}
        run.metrics(values | {"seconds": found.seconds}, prefix=f"{system}/")
    for difference in evaluated.differences:
        interval = {
            "value": difference.all.value,
            "low": difference.all.low,
            "high": difference.all.high,
        }
        run.metrics(interval, prefix=f"{difference.of}-{difference.above}/")
    for key in keys:
        run.report(key)


def _data_hash(ctx: Context, trained: Trained, decision: Decision) -> str | None:
    """Of what the promoted model knew; when none was, of what those knew that were evaluated."""
    made = [trained.versions[s] for s in (CHALLENGER, REFIT) if s in trained.versions]
    promoted = [decision.version] if decision.outcome == "promoted" and decision.version else []
    for version in [*promoted, *made]:
        with suppress(ModelError):  # it was removed or damaged since
            return read_manifest(ctx.store, version).data_hash
    return None


def _gauges(evaluated: DayEvaluation, decision: Decision) -> list[tuple[str, float]]:
    return [
        ("newsrec_gate_promoted", float(decision.outcome == "promoted")),
        ("newsrec_gate_evaluated", float(evaluated.metric is not None)),
    ]
