"""Every day: is the input good, train on it, evaluate the challenger, let the gate decide.

Also when the monitor asks for it, and when an alert does (services/hooks, by the REST API). What
is late may still come, so the check is tried again for an hour; when it fails, the champion stays.
A back-fill trains and evaluates the past, but changes no champion.
"""

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronDataIntervalTimetable
from newsrec_dags.assets import CHAMPION, RETRAIN
from newsrec_dags.stages import COMMON, stage

with DAG(
    "retrain",
    description="A challenger a day, and a champion when the gate says so",
    schedule=AssetOrTimeSchedule(
        timetable=CronDataIntervalTimetable("0 1 * * *", timezone="UTC"), assets=[RETRAIN]
    ),
    doc_md=__doc__,
    **COMMON,
):
    date = ("--date", "{{ day() }}")
    check = stage(
        *("check", "check", *date),
        limit=timedelta(minutes=30),
        retries=3,
        retry_delay=timedelta(minutes=20),
    )
    train = stage("train", "gate", "train", *date, limit=timedelta(hours=6), size="large")
    evaluate = stage("evaluate", "gate", "evaluate", *date, limit=timedelta(hours=2), size="large")
    decide = stage(
        *("decide", "gate", "decide", *date),
        limit=timedelta(hours=6),
        size="large",
        not_in_backfill=True,
    )
    promoted = stage(
        *("promoted", "condition", "champion", *date),
        limit=timedelta(minutes=5),
        question=True,
        outlets=(CHAMPION,),
    )
    check >> train >> evaluate >> decide >> promoted
