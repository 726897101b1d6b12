"""What each `airflow dags test` imports and builds anew; see support/forks.py."""

from importlib import import_module

for module in (
    "airflow.__main__",
    "airflow.api_fastapi.execution_api.routes",
    "airflow.cli.commands.dag_command",
    "airflow.providers.standard.operators.python",
    "airflow.sdk.execution_time.task_runner",
    "alembic.command",
):
    import_module(module)
supervisor = import_module("airflow.sdk.execution_time.supervisor")
supervisor.in_process_api_server().app  # noqa: B018 - built; its thread begins in the fork
