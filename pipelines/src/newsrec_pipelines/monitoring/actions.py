"""Does what the rules ask of the monitor itself: goes back to a model, ends a variant."""

from dataclasses import replace
from datetime import date

from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.monitoring.champions import MONITOR, cause_of
from newsrec_pipelines.monitoring.rules import Alarm
from newsrec_pipelines.rollout.variants import end_variant


def carry_out(
    registry: FileRegistry, database_url: str, alarms: list[Alarm], day: date
) -> list[Alarm]:
    """The alarms, with what was done; what was done before is not done again."""
    return [a if a.done else _carry_out(registry, database_url, a, day) for a in alarms]


def _carry_out(registry: FileRegistry, database_url: str, alarm: Alarm, day: date) -> Alarm:
    if alarm.action == "rollback":
        return _roll_back(registry, alarm, day)
    if alarm.action == "end-variant":
        with connect(database_url, "newsrec_operations") as conn:
            end_variant(conn, alarm.subject, MONITOR, f"{day}: {alarm.detail}")
        return replace(alarm, done="its readers get the champion's slates")
    return alarm


def _roll_back(registry: FileRegistry, alarm: Alarm, day: date) -> Alarm:
    try:
        version = registry.rollback(
            by=MONITOR, why=f"{day}: {alarm.detail}", cause=cause_of(alarm.subject)
        )
    except ModelError as e:
        # Looking was possible, and the alarm must reach people all the more.
        return replace(alarm, done=f"not done: {e}")
    return replace(alarm, done=f"{version} serves again from the next run on")
