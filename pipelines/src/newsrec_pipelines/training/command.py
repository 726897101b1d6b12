"""`newsrec train`: what was known by the end of a day becomes a model, and the champion."""

import time
from datetime import UTC, datetime, timedelta

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.training_configuration import TrainingConfiguration
from newsrec_pipelines.options import DAY, MOMENT
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.tracking import Run, tracked
from newsrec_pipelines.training.fit import describe, fit
from newsrec_pipelines.training.sanity import check_slates


@click.command()
@click.option(
    "--date",
    "day",
    required=True,
    type=DAY,
    help="Train on what was known by the end of this day.",
)
@click.option(
    "--as-of",
    "moment",
    type=MOMENT,
    help="Use what was known before this ISO time with offset.  [default: DATE+1 00:00 UTC]",
)
@click.option(
    "--promote/--no-promote",
    default=True,
    show_default=True,
    help="Make it the champion, if its slates look sane.",
)
@click.option(
    "--kind", "kind_name", help="Of model; see models/kinds.  [default: `model` in params.yaml]"
)
@click.pass_obj
def train(
    ctx: Context, day: datetime, moment: datetime | None, promote: bool, kind_name: str | None
) -> None:
    """Train a model, save it as a version, and make it the champion."""
    params = ctx.params.model_copy(update={"model": kind_name or ctx.params.model})
    moment = moment or day.replace(tzinfo=UTC) + timedelta(days=1)
    with tracked(ctx.settings, "train", params) as run:
        _train(ctx, run, params, moment, promote=promote)


def _train(ctx: Context, run: Run, params: Params, moment: datetime, *, promote: bool) -> None:
    began = time.perf_counter()
    fitted = fit(ctx.store, TrainingConfiguration.of(params, ctx.settings.git_commit), moment)
    data, version, start = fitted.data, fitted.manifest.version, fitted.start
    describe(run, fitted.manifest, fitted.model)
    for name in ("reads", "users", "articles", "examples"):
        ctx.metrics.rows(name, getattr(data, name).height)
    drawn = " (negatives drawn, for want of impressions)" if data.sampled_negatives else ""
    click.echo(
        f"knew {data.reads.height} reads of {data.users.height} readers and "
        f"{data.articles.height} articles; {data.examples.height} examples{drawn}"
    )
    click.echo(
        f"model {version}, as of {moment:%Y-%m-%d %H:%M} UTC, "
        f"in {time.perf_counter() - began:.1f} s, from "
        + (f"the factors of {start.version}" if start else "nothing")
    )
    if promote:
        readers = check_slates(fitted.model, build_request(ctx.store, moment, params))
        why = f"newsrec train, as of {moment:%Y-%m-%d %H:%M} UTC"
        FileRegistry(ctx.store).promote(version, by="train", why=why)
        run.tags(promoted=True)
        click.echo(f"champion, after a look at the slates of {readers} readers")
