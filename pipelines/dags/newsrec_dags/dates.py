"""Which day a run is about and what it may know: by its dates, an asset's event, or a parameter.

A run of a schedule or a back-fill has a logical date. A run that an asset or an alert started has
none: then the event or the parameter `day` names the day, and at last the moment of the run does.
Nothing here asks for the time of day, so a task that is tried again asks for the same.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from jinja2 import pass_context

# Airflow's context, or Jinja's view of it.
Context = Mapping[str, Any]

# An outage of more days is brought in by hand: `airflow backfill create`.
MAX_DAYS_TO_CATCH_UP = 7
# Events that were received just before the end of an interval may be committed after it.
_COMMITTED_WITHIN = timedelta(hours=1)


def day_of(context: Context, days_ago: int = 1) -> date:
    """The day that the run is about (UTC).

    Args:
        context: Of the task.
        days_ago: What a run that nobody dated is about, reckoned from its own moment.

    Raises:
        ValueError: when the parameter `day` is not a date.
    """
    if named := context["params"].get("day"):
        return date.fromisoformat(named)
    run = context["dag_run"]
    if run.logical_date is not None:
        return _utc(run.logical_date).date()
    if named := last_event(context).get("day"):
        return date.fromisoformat(named)
    return (_utc(run.run_after) - timedelta(days=days_ago)).date()


def last_event(context: Context) -> Mapping[str, Any]:
    """What the newest of the asset events says that started the run; nothing without one."""
    events = [e for of_one in _events(context).values() for e in of_one]
    newest = max(events, key=lambda e: e.timestamp, default=None)
    return newest.extra if newest and newest.extra else {}


def started_only_by(context: Context, name: str) -> bool:
    """Whether events of the asset `name`, and of no other, started the run."""
    return {asset.name for asset in _events(context)} == {name}


def known_until(context: Context) -> datetime:
    """What arrived before this moment is there: the end of the day, or the run's own moment."""
    return min(
        _midnight(day_of(context, 0) + timedelta(days=1)), _utc(context["dag_run"].run_after)
    )


@pass_context
def day(context: Context) -> str:
    """In templates: the day whose data the run is about; yesterday when nobody says."""
    return str(day_of(context))


@pass_context
def today(context: Context) -> str:
    """In templates: the same, but the day of the run when nobody says."""
    return str(day_of(context, 0))


@pass_context
def first_day(context: Context) -> str:
    """In templates: the first day of arrival that may not be whole in the store yet.

    After an outage that is the day of the last good run, so the days between are not lost though
    nobody runs their hours again. A run that was asked for by its date is about its date alone.
    """
    day = day_of(context, 0)
    if _run_type(context) != "scheduled":
        return str(day)
    done = context["prev_data_interval_end_success"]
    # A proxy that holds None is not None.
    first = (_utc(done) - _COMMITTED_WITHIN).date() if done else day
    return str(min(day, max(first, day - timedelta(days=MAX_DAYS_TO_CATCH_UP))))


@pass_context
def as_of(context: Context) -> str:
    """In templates: see `known_until`."""
    return known_until(context).isoformat()


@pass_context
def serving_day(context: Context) -> str:
    """In templates: the day after, whose slates are made of the run's day."""
    return str(day_of(context) + timedelta(days=1))


@pass_context
def serving_as_of(context: Context) -> str:
    """In templates: the run's own moment while it lies in the day served, else its first moment."""
    served = day_of(context) + timedelta(days=1)
    moment = _utc(context["dag_run"].run_after)
    return (moment if moment.date() == served else _midnight(served)).isoformat()


@pass_context
def event_as_of(context: Context) -> str:
    """In templates: until when the counters go whose event started the run."""
    return str(last_event(context)["as_of"])


@pass_context
def event_day(context: Context) -> str:
    """In templates: the day in which that moment lies."""
    return str(datetime.fromisoformat(last_event(context)["as_of"]).date())


MACROS = {
    f.__name__: f
    for f in (day, today, first_day, as_of, serving_day, serving_as_of, event_as_of, event_day)
}


def in_backfill(context: Context) -> bool:
    """Whether somebody plays the past again."""
    return _run_type(context) == "backfill"


def _run_type(context: Context) -> str:
    # An enumeration or its text, by where the task runs.
    kind = context["dag_run"].run_type
    return str(getattr(kind, "value", kind))


def _events(context: Context) -> Mapping[Any, Any]:
    found: Mapping[Any, Any] = context.get("triggering_asset_events") or {}
    return found


def _utc(moment: datetime) -> datetime:
    """A plain datetime, whatever class Airflow has for it."""
    return datetime.fromtimestamp(moment.timestamp(), UTC)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
