"""`newsrec condition`: questions of the orchestrator, whose answer is the exit status."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.options import DAY

# An orchestrator skips what follows. 1 and 2 are errors: nobody knows the answer.
NO: Final = 99


@click.group()
def condition() -> None:
    """Answer a question by the exit status: 0 is yes, 99 is no."""


@condition.command()
@click.option("--date", "day", type=DAY, required=True, help="A day that is over.")
@click.pass_obj
def champion(ctx: Context, day: datetime) -> None:
    """Does the model that serves know the day, and nothing later?"""
    version = FileRegistry(ctx.store).champion()
    as_of = read_manifest(ctx.store, version).as_of
    yes = as_of == day.replace(tzinfo=UTC) + timedelta(days=1)
    _answer(yes, f"{version} serves, which knows what was known at {as_of:%Y-%m-%d %H:%M} UTC")


@condition.command()
@click.option("--date", "day", type=DAY, required=True, help="A day that the monitor looked at.")
@click.option("--action", required=True, help="What an alarm asks for, such as retrain.")
@click.pass_obj
def alarm(ctx: Context, day: datetime, action: str) -> None:
    """Does an alarm of the monitor ask for the action?"""
    key = f"reports/monitoring/{day:%Y-%m-%d}.json"
    if not ctx.store.exists(key):
        raise DataError(f"{key} is not there: run newsrec monitor --date {day:%Y-%m-%d}")
    report = ctx.store.read_json(key)
    try:
        names = [str(a["name"]) for a in report["alarms"] if a["action"] == action]
    except (KeyError, TypeError) as e:
        raise DataError(f"{key} is no report of newsrec monitor") from e
    _answer(bool(names), ", ".join(names) or f"no alarm asks for {action}")


def _answer(yes: bool, why: str) -> None:
    click.echo(f"{'yes' if yes else 'no'}: {why}")
    if not yes:
        sys.exit(NO)
