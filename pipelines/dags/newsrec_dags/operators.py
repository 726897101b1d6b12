"""What every operator of a stage does besides: skip in a back-fill, date its assets' events."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from newsrec_dags import dates

# A stage that is a question answers "no" by this exit status, and what follows is skipped.
NO = 99


def before(operator: Any, context: Mapping[str, Any]) -> None:
    """Leave out what must not happen when the past is played again."""
    if operator.not_in_backfill and dates.in_backfill(context):
        raise AirflowSkipException("a back-fill shows nothing to readers")


def after(operator: Any, context: Mapping[str, Any]) -> None:
    """Say in the events of the task's assets which day and moment they are about."""
    extra = {
        "day": str(dates.day_of(context)),
        "as_of": dates.known_until(context).isoformat(),
    }
    for asset in operator.outlets:
        context["outlet_events"][asset].extra = extra
