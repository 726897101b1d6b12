"""Every hour: what readers did and what publishers sent, up to counters that can be read.

The ETL goes over the whole day of arrival each time: the day grows, and what is known of it is
left as it is. The first run after midnight closes the day before; the first one after an outage
brings in the days between. A back-fill runs hours of the past again, which changes nothing that
was whole.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable
from newsrec_dags.assets import COUNTERS
from newsrec_dags.stages import COMMON, stage

with DAG(
    "ingest",
    description="Events and articles into the store and the counters",
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    doc_md=__doc__,
    **COMMON,
):
    days = ("--from", "{{ first_day() }}", "--to", "{{ today() }}")
    export = stage("export", "export", *days, limit=timedelta(minutes=20))
    etl = stage("etl", "etl", *days, "--allow-empty", limit=timedelta(minutes=50), size="large")
    materialize = stage(
        "materialize",
        *("materialize", "--as-of", "{{ as_of() }}"),
        limit=timedelta(minutes=20),
        outlets=(COUNTERS,),
    )
    export >> etl >> materialize
