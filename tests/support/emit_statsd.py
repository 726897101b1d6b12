"""Run in Airflow's environment: tells what Airflow tells by StatsD, with Airflow's own client."""

import json
import sys
from typing import Any

from airflow._shared.observability.metrics import stats
from airflow._shared.observability.metrics.metrics_registry import MetricsRegistry
from airflow.configuration import conf
from airflow.observability.metrics import stats_utils


def main(wanted: list[dict[str, Any]]) -> list[str]:
    """Tell each; the names that Airflow's own list of metrics has not got."""
    stats.initialize(
        factory=stats_utils.get_stats_factory(),
        export_legacy_names=conf.getboolean("metrics", "legacy_names_on"),
    )
    registry, unknown = MetricsRegistry(), []
    for metric in wanted:
        if registry.get(name=metric["name"]) is None:
            unknown.append(metric["name"])
        tell = {"counter": stats.incr, "gauge": stats.gauge, "timer": stats.timing}[metric["type"]]
        tell(metric["name"], metric["value"], tags=metric["tags"])
    return unknown


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
