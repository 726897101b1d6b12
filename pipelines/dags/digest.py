"""One email a reader and day, region by region, at seven in its morning.

The mailer claims each digest before it leaves, so a run that is repeated sends only what was not
sent; without slates for the day it waits for them until nine. A back-fill sends nothing: old news
are no news.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from newsrec_dags.stages import COMMON, SETTINGS, stage

for region, zone in SETTINGS.digests.items():
    with DAG(
        f"digest_{region}",
        description=f"Emails of the morning in {zone}",
        schedule=CronTriggerTimetable("0 7 * * *", timezone=zone),
        doc_md=__doc__,
        **COMMON,
    ):
        stage(
            *("send", "send", "--date", "{{ today() }}", "--region", region),
            program="newsrec-mailer",
            limit=timedelta(hours=3),
            retries=8,
            retry_delay=timedelta(minutes=15),
            not_in_backfill=True,
        )
