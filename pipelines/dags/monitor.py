"""Every day: how good the slates were, whether readers and articles are others, what to do.

When an alarm asks for a new model, the asset `retrain-wanted` starts the DAG `retrain`; when the
monitor went back to an earlier champion, `champion` starts `recommend`.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable
from newsrec_dags.assets import CHAMPION, RETRAIN
from newsrec_dags.stages import COMMON, stage

with DAG(
    "monitor",
    description="Quality, drift, alarms, and the rules that act on them",
    schedule=CronDataIntervalTimetable("40 0 * * *", timezone="UTC"),
    doc_md=__doc__,
    **COMMON,
):
    date = ("--date", "{{ day() }}")
    monitor = stage("monitor", "monitor", *date, limit=timedelta(hours=1), size="large")
    minutes = timedelta(minutes=5)
    wanted = stage(
        *("retrain_wanted", "condition", "alarm", "--action", "retrain", *date),
        limit=minutes,
        question=True,
        not_in_backfill=True,
        outlets=(RETRAIN,),
    )
    back = stage(
        *("rolled_back", "condition", "alarm", "--action", "rollback", *date),
        limit=minutes,
        question=True,
        not_in_backfill=True,
        outlets=(CHAMPION,),
    )
    monitor >> [wanted, back]
