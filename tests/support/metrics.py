"""Which metrics an expression asks for, and which program has them."""

import re

import yaml

from newsrec_api.metrics import Metrics as ApiMetrics
from newsrec_hooks.metrics import Metrics as HooksMetrics
from support.alerting import PROMETHEUS
from support.postgres import REPOSITORY

# Metrics that we do not make -> the job that scrapes who does.
FOREIGN = {
    "airflow_dag_processing_import_errors": "airflow",
    "airflow_dagrun_duration_success_count": "airflow",
    "airflow_dagrun_duration_success_sum": "airflow",
    "airflow_scheduler_heartbeat": "airflow",
    "airflow_ti_finish": "airflow",
    "alertmanager_notifications_failed_total": "alertmanager",
    "kong_http_requests_total": "kong",
    "kong_upstream_target_health": "kong",
    "node_filesystem_avail_bytes": "node",
    "node_filesystem_size_bytes": "node",
    "pg_database_size_bytes": "postgres",
    "pg_stat_activity_count": "postgres",
    "pg_stat_database_xact_commit": "postgres",
    "pg_stat_database_xact_rollback": "postgres",
    "probe_ssl_earliest_cert_expiry": "certificates",
}
# Of Prometheus itself.
_OWN = {"up", "ALERTS"}
_WORDS = {"and", "or", "unless", "bool", "offset", "ignoring", "atan2", "inf", "nan"}
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])")


def names(expression: str) -> set[str]:
    """The metrics of a PromQL expression."""
    text = re.sub(r'"[^"]*"|\'[^\']*\'', "", expression)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", text)
    text = _LABELS.sub("", text)
    return {n for n in _NAME.findall(text) if n not in _WORDS}


def rules() -> list[dict[str, str]]:
    """Every recording and alerting rule."""
    return [
        rule
        for file in sorted((PROMETHEUS / "rules").glob("*.yml"))
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def exporters() -> dict[str, str]:
    """Metric -> the job that scrapes it, for all that there are."""
    found = dict.fromkeys(_OWN, "prometheus") | FOREIGN
    found |= {rule["record"]: "prometheus" for rule in rules() if "record" in rule}
    for job, metrics in (("api", ApiMetrics()), ("hooks", HooksMetrics())):
        for family in metrics._registry.collect():
            ends = ("", "_bucket", "_count", "_sum", "_total")
            found |= {f"{family.name}{end}": job for end in ends}
    for folder in ("pipelines/src", "pipelines/dags"):
        for file in (REPOSITORY / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            # A name at the beginning of a text, whole: the text goes on behind it or ends.
            for name in re.findall(r'"(newsrec_[a-z_]+)"', text):
                found |= {name: "pushgateway", f"{name}_total": "pushgateway"}
    # Named by the checks that count them: monitoring/metrics.py.
    volumes = ("articles", "impressions", "reads")
    return found | {f"newsrec_{entity}": "pushgateway" for entity in volumes}
