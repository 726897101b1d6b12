"""`newsrec train`: what was known by the end of a day becomes a model, and the champion."""

import time
from datetime import UTC, datetime, timedelta

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.features.examples import build_request, training_data
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.training.sanity import check_slates


@click.command()
@click.option(
    "--date",
    "day",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="Train on what was known by the end of this day.",
)
@click.option(
    "--as-of",
    metavar="TIME",
    help="Use what was known before this ISO time with offset.  [default: DATE+1 00:00 UTC]",
)
@click.option(
    "--promote/--no-promote",
    default=True,
    show_default=True,
    help="Make it the champion, if its slates look sane.",
)
@click.pass_obj
def train(ctx: Context, day: datetime, as_of: str | None, promote: bool) -> None:
    """Train a model, save it as a version, and make it the champion."""
    began = time.perf_counter()
    moment = _moment(as_of) if as_of else day.replace(tzinfo=UTC) + timedelta(days=1)
    data = training_data(ctx.store, moment, ctx.params)
    model = NewsModel.produce_model(data, ctx.params)
    manifest = model.save(ctx.store, data, ctx.settings.git_commit)
    drawn = " (negatives drawn, for want of impressions)" if data.sampled_negatives else ""
    click.echo(
        f"knew {data.reads.height} reads of {data.users.height} readers and "
        f"{data.articles.height} articles; {data.examples.height} examples{drawn}"
    )
    click.echo(
        f"model {manifest.version}, as of {moment:%Y-%m-%d %H:%M} UTC, "
        f"in {time.perf_counter() - began:.1f} s"
    )
    if promote:
        readers = check_slates(model, build_request(ctx.store, moment, ctx.params))
        FileRegistry(ctx.store).promote(manifest.version)
        click.echo(f"champion, after a look at the slates of {readers} readers")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise click.BadParameter(f"{text!r} is not an ISO time", param_hint="--as-of") from e
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text!r} has no offset such as +00:00", param_hint="--as-of")
    return moment.astimezone(UTC)
