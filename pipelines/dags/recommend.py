"""Slates: in full every night and for a new champion, re-ranked after each ingest.

One DAG for both, because two runs for one day would wait for each other. The nightly one is early
and does not wait for the training: readers get slates of the champion that is there, and of the
next one once it is promoted. Runs of past days are kept beside those of today and shown to nobody.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator
from airflow.sdk import DAG, AssetOrTimeSchedule, CronDataIntervalTimetable
from newsrec_dags.assets import CHAMPION, COUNTERS, SLATES
from newsrec_dags.dates import started_only_by
from newsrec_dags.stages import COMMON, stage


def full_or_refresh(**context: Any) -> str:
    """A run that nothing but new counters started re-ranks; every other one starts anew."""
    return "refresh" if started_only_by(context, COUNTERS.name) else "full"


with DAG(
    "recommend",
    description="Slates for every reader",
    schedule=AssetOrTimeSchedule(
        timetable=CronDataIntervalTimetable("20 0 * * *", timezone="UTC"),
        assets=CHAMPION | COUNTERS,
    ),
    doc_md=__doc__,
    **COMMON,
):
    choose = BranchPythonOperator(task_id="choose", python_callable=full_or_refresh)
    full = stage(
        *("full", "recommend"),
        *("--date", "{{ serving_day() }}", "--as-of", "{{ serving_as_of() }}"),
        limit=timedelta(hours=3),
        size="large",
        outlets=(SLATES,),
    )
    refresh = stage(
        *("refresh", "recommend", "--refresh"),
        *("--date", "{{ event_day() }}", "--as-of", "{{ event_as_of() }}"),
        limit=timedelta(minutes=50),
        size="large",
        # The next hour's is newer.
        retries=1,
        outlets=(SLATES,),
    )
    choose >> [full, refresh]
