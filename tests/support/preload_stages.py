"""What the stages of the nightly DAGs import; see support/forks.py."""

from importlib import import_module

for module in (
    "datasets.command",
    "etl.command",
    "etl.runners",
    "features.command",
    "gate.command",
    "monitoring.check_command",
    "monitoring.command",
    "operations.condition_command",
    "scoring.command",
):
    import_module(f"newsrec_pipelines.{module}")
import_module("evidently")
