"""`newsrec simulate`: days of the simulated world, and its readers' reactions to our slates."""

from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from newsrec_pipelines.context import Context
from newsrec_pipelines.datasets.world.days import write_day
from newsrec_pipelines.datasets.world.react import react_to_slates
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.options import DAY
from newsrec_pipelines.progress import track


@click.group()
def simulate() -> None:
    """Play the simulated world of params.yaml."""


@simulate.command("days")
@click.option("--from", "first", type=DAY, required=True, help="First day.")
@click.option("--to", "last", type=DAY, required=True, help="Last day, included.")
@click.option(
    "--front-page-share",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of the visits that see the front page; the others are left for `react`.",
)
@click.pass_obj
def simulate_days(ctx: Context, first: datetime, last: datetime, front_page_share: float) -> None:
    """Write what arrives on the days into the landing zone."""
    if last < first:
        raise DataError(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}")
    days = [(first + timedelta(days=n)).date() for n in range((last - first).days + 1)]
    table = Table("day", "articles", "users", "impressions", "reads", "late or dirty events")
    for day in track(days, "simulated days"):
        counts = write_day(ctx.store, ctx.params.world, day, front_page_share)
        table.add_row(str(day), *(f"{n:,}" for n in counts.values()))
    Console(highlight=False).print(table)


@simulate.command("react")
@click.option("--date", "day", type=DAY, required=True, help="The day to play.")
@click.option("--api", required=True, help="Where the API answers, e.g. http://127.0.0.1:8000.")
@click.option(
    "--outbox",
    type=click.Path(path_type=Path),
    help="Folder of the digests; some readers follow a link of that date's emails.",
)
@click.pass_obj
def simulate_react(ctx: Context, day: datetime, api: str, outbox: Path | None) -> None:
    """Let the remaining visitors of a day see our slates, read, and report it to the API."""
    counts = react_to_slates(ctx.store, ctx.params.world, day.date(), api, outbox)
    print(", ".join(f"{n:,} {what}" for what, n in counts.items()))
