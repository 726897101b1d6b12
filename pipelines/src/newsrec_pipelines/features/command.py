"""`newsrec materialize`: the last counters before a moment into Feast's online store."""

from datetime import UTC, datetime

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.features import materialization


@click.command()
@click.option("--as-of", required=True, metavar="T", help="ISO time, UTC unless it has an offset.")
@click.pass_obj
def materialize(context: Context, as_of: str) -> None:
    """Bring the online store to what was known before T."""
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError as e:
        raise ConfigError(f"--as-of must be an ISO time, not {as_of!r}") from e
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    written = materialization.materialize(context.settings, moment)
    counts = ", ".join(f"{rows} {view}" for view, rows in written.items())
    click.echo(f"materialized {moment:%Y-%m-%d %H:%M} UTC: {counts}")
