"""`newsrec materialize`: the last counters before a moment into Feast's online store."""

from datetime import datetime

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.features import materialization
from newsrec_pipelines.options import MOMENT


@click.command()
@click.option(
    "--as-of", "moment", required=True, type=MOMENT, help="A moment: ISO time with offset."
)
@click.pass_obj
def materialize(context: Context, moment: datetime) -> None:
    """Bring the online store to what was known before the moment."""
    written = materialization.materialize(context.settings, moment)
    counts = ", ".join(f"{rows} {view}" for view, rows in written.items())
    click.echo(f"materialized {moment:%Y-%m-%d %H:%M} UTC: {counts}")
