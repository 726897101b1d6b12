"""Makes tasks of command lines, and gives every DAG the same ground."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, BaseOperator, Param

from newsrec_dags import callbacks, dates
from newsrec_dags.process import ProcessStage
from newsrec_dags.settings import Settings

SETTINGS = Settings.load()

# Every DAG: DAG("name", schedule=…, **COMMON).
COMMON: dict[str, Any] = {
    # Before any data, so that each day can be asked for; nothing is caught up by itself.
    "start_date": datetime(2010, 1, 1, tzinfo=UTC),
    "catchup": False,
    # Two runs of a stage at once would wait for each other's locks.
    "max_active_runs": 1,
    "user_defined_macros": dates.MACROS,
    "params": {
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The day that the run is about. Empty: by the run's dates.",
        )
    },
    "default_args": {
        "owner": "newsrec",
        # A back-fill runs ten at once, whatever the DAG says, but keeps to this.
        "max_active_tis_per_dag": 1,
        "retry_exponential_backoff": False,
        "on_failure_callback": callbacks.failed,
        "on_retry_callback": callbacks.tried,
        "on_success_callback": callbacks.succeeded,
    },
    "tags": ["newsrec"],
}


def stage(
    task_id: str,
    *arguments: str,
    limit: timedelta,
    retries: int = 2,
    retry_delay: timedelta = timedelta(minutes=5),
    program: str = "newsrec",
    size: str = "small",
    question: bool = False,
    not_in_backfill: bool = False,
    outlets: tuple[Asset, ...] = (),
) -> BaseOperator:
    """A task that runs ``PROGRAM ARGUMENTS`` in the environment of the pipelines.

    Args:
        task_id: Name of the task.
        arguments: Of the command line, with templates of `dates.MACROS`.
        limit: When it runs for longer, it is ended, and tried again.
        retries: How often it is tried again, after `retry_delay` each.
        program: ``newsrec`` or ``newsrec-mailer``.
        size: Of the pod, where tasks are pods: ``small`` or ``large``.
        question: Its exit status 99 means "no": what follows is skipped.
        not_in_backfill: Skip it when the past is played again.
        outlets: Assets that are new once it has succeeded.
    """
    common: dict[str, Any] = {
        "task_id": task_id,
        "execution_timeout": limit,
        "retries": retries if SETTINGS.retries is None else SETTINGS.retries,
        "retry_delay": retry_delay,
        "not_in_backfill": not_in_backfill,
        "outlets": list(outlets),
    }
    if SETTINGS.tasks == "pod":
        from newsrec_dags.pods import PodStage, pod

        return PodStage(**pod(SETTINGS, program, list(arguments), size, question), **common)
    return ProcessStage(
        program=str(SETTINGS.programs / program),
        arguments=list(arguments),
        folder=str(SETTINGS.folder),
        question=question,
        **common,
    )
