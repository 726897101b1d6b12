"""What DAGs wait for. An event of an asset carries the day, and the moment, that it is about."""

from airflow.sdk import Asset

COUNTERS = Asset("counters", uri="newsrec://counters")  # what arrived is counted and materialized
CHAMPION = Asset("champion", uri="newsrec://champion")  # another model serves from now on
RETRAIN = Asset("retrain-wanted", uri="newsrec://retrain-wanted")  # the monitor asks for it
SLATES = Asset("slates", uri="newsrec://slates")  # a run of slates was published
