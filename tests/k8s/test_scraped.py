"""Prometheus in the cluster: its jobs find pods, and each metric that is asked for has one."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.alerting import PROMETHEUS, run
from support.cluster import K8S, Object, called, named, of_kind, selects, templates
from support.dashboards import FOLDER, queries
from support.metrics import exporters, names, rules

# A laptop has no gateway, no certificate and no exporter for Airflow.
IN_A_CLUSTER_ONLY = {"kong", "certificates", "airflow"}
_PODS = "__meta_kubernetes_pod_"


def config_of(objects: list[Object], file: str) -> Any:
    """A file of a ConfigMap, read."""
    (text,) = [o["data"][file] for o in of_kind(objects, "ConfigMap") if file in o["data"]]
    return yaml.safe_load(text)


def scraped(objects: list[Object]) -> dict[str, set[str]]:
    """Job -> the pods that it asks, as Deployment/name or StatefulSet/name."""
    jobs = config_of(objects, "prometheus.yml")["scrape_configs"]
    return {job["job_name"]: set(_pods_of(job, objects)) for job in jobs}


def _pods_of(job: Object, objects: list[Object]) -> list[str]:
    found = []
    targets = {t for group in job.get("static_configs", []) for t in group["targets"]}
    for o, t in templates(objects):
        labels = t["metadata"].get("labels", {})
        for port in (p for c in t["spec"]["containers"] for p in c.get("ports", [])):
            if "kubernetes_sd_configs" in job and _kept(job, labels, port["name"]):
                found.append(called(o))
            if called(o) == "StatefulSet/prometheus" and "localhost:9090" in targets:
                found.append(called(o))
            found += [
                called(o)
                for s in of_kind(objects, "Service")
                if selects(s["spec"]["selector"], labels)
                for p in s["spec"]["ports"]
                if f"{s['metadata']['name']}:{p['port']}" in targets
                and p["targetPort"] == port["name"]
            ]
    return found


def _kept(job: Object, labels: dict[str, str], port: str) -> bool:
    """What Prometheus's relabelling keeps, of what these jobs use."""
    known = {f"{_PODS}label_{re.sub(r'[^a-zA-Z0-9_]', '_', k)}": v for k, v in labels.items()}
    known[f"{_PODS}container_port_name"] = port
    return all(
        re.fullmatch(r["regex"], ";".join(known.get(s, "") for s in r["source_labels"]))
        for r in job["relabel_configs"]
        if r.get("action") == "keep"
    )


def unanswered(overlays: dict[str, list[Object]]) -> set[str]:
    """Metrics of rules and dashboards that no pod of any overlay is asked for."""
    alive = {job for objects in overlays.values() for job, pods in scraped(objects).items() if pods}
    asked = [r["expr"] for r in rules()] + [q.expression for q in queries()]
    known = exporters()
    return {n for e in asked for n in names(e) if known.get(n) not in alive}


def test_every_metric_comes_from_a_pod_that_is_scraped(built: dict[str, list[Object]]) -> None:
    assert unanswered(built) == set()


def test_every_job_finds_its_pods(built: dict[str, list[Object]]) -> None:
    without = {name: {j for j, pods in scraped(o).items() if not pods} for name, o in built.items()}
    assert without == {"kind": {"certificates"}, "production": set()}
    assert scraped(built["kind"])["node"] == {
        *("StatefulSet/postgres", "StatefulSet/store", "StatefulSet/prometheus"),
    }
    assert scraped(built["kind"])["api"] == {
        *("Deployment/newsrec-api-stable", "Deployment/newsrec-api-canary"),
    }


MISTAKES: list[tuple[str, Callable[[list[Object]], object]]] = [
    ("airflow_ti_finish", lambda o: o.remove(named(o, "Deployment", "statsd-exporter"))),
    (
        "pg_database_size_bytes",
        lambda o: named(o, "Service", "postgres-exporter")["spec"]["ports"][0].update(port=9188),
    ),
    (
        "newsrec_hooks_alerts_total",
        lambda o: named(o, "Deployment", "newsrec-hooks")["spec"]["template"]["metadata"][
            "labels"
        ].update({"app.kubernetes.io/name": "hook"}),
    ),
    (
        "kong_http_requests_total",
        lambda o: named(o, "Deployment", "kong")["spec"]["template"]["spec"]["containers"][0][
            "ports"
        ].pop(),
    ),
]


@pytest.mark.parametrize(("metric", "mistake"), MISTAKES, ids=[m for m, _ in MISTAKES])
def test_an_exporter_that_is_not_found_is_missed(
    kind: list[Object], metric: str, mistake: Callable[[list[Object]], object]
) -> None:
    assert unanswered({"kind": kind}) == {"probe_ssl_earliest_cert_expiry"}
    mistake(kind)
    assert metric in unanswered({"kind": kind})


def test_the_jobs_have_the_names_that_a_laptop_gives_them(kind: list[Object]) -> None:
    laptop = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    there = {job["job_name"] for job in laptop["scrape_configs"]}
    assert set(scraped(kind)) - there == IN_A_CLUSTER_ONLY
    assert there <= set(scraped(kind))


def _written(objects: list[Object], folder: Path) -> Path:
    """Prometheus's files as its pod has them, in a folder."""
    (rule_files,) = [o["data"] for o in of_kind(objects, "ConfigMap") if "service.yml" in o["data"]]
    (folder / "rules").mkdir()
    for name, text in rule_files.items():
        (folder / "rules" / name).write_text(text, encoding="utf-8")
    config = config_of(objects, "prometheus.yml")
    assert config["rule_files"] == ["/etc/prometheus/rules/*.yml"]
    config["rule_files"] = [str(folder / "rules/*.yml")]
    for job in config["scrape_configs"]:
        # Debian's Prometheus is built without Kubernetes.
        if "kubernetes_sd_configs" in job:
            (found,) = job.pop("kubernetes_sd_configs")
            assert found == {"role": "pod", "namespaces": {"names": ["newsrec"]}}
            job["static_configs"] = [{"targets": ["pod:1"]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def test_promtool_accepts_what_prometheus_gets(overlay: list[Object], tmp_path: Path) -> None:
    checked = run("promtool", "check", "config", str(_written(overlay, tmp_path)))
    assert checked.returncode == 0, checked.stdout
    assert "3 rule files found" in checked.stdout


def test_promtool_finds_a_mistake(kind: list[Object], tmp_path: Path) -> None:
    file = _written(kind, tmp_path)
    config = yaml.safe_load(file.read_text())
    config["scrape_configs"][0]["relabel_configs"][0]["action"] = "retain"
    file.write_text(yaml.safe_dump(config))
    assert run("promtool", "check", "config", str(file)).returncode == 1


def _alertmanager(objects: list[Object], folder: Path) -> Path:
    file = folder / "alertmanager.yml"
    (text,) = [
        o["data"][file.name] for o in of_kind(objects, "ConfigMap") if file.name in o["data"]
    ]
    file.write_text(text, encoding="utf-8")
    return file


def test_amtool_accepts_what_alertmanager_gets(overlay: list[Object], tmp_path: Path) -> None:
    file = _alertmanager(overlay, tmp_path)
    checked = run("amtool", "check-config", str(file))
    assert checked.returncode == 0, checked.stdout
    file.write_text(file.read_text().replace("receiver: tickets", "receiver: nobody"))
    assert run("amtool", "check-config", str(file)).returncode == 1


def test_alerts_take_the_routes_that_they_take_on_a_laptop(kind: list[Object]) -> None:
    laptop = yaml.safe_load(
        (PROMETHEUS.parent / "alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    )
    ours = config_of(kind, "alertmanager.yml")
    assert ours["route"] == laptop["route"]
    assert ours["inhibit_rules"] == laptop["inhibit_rules"]


def test_grafana_gets_every_dashboard_and_lets_in_nobody_without_a_password(
    kind: list[Object],
) -> None:
    (boards,) = [o["data"] for o in of_kind(kind, "ConfigMap") if "service.json" in o["data"]]
    assert boards == {f.name: f.read_text(encoding="utf-8") for f in FOLDER.glob("*.json")}
    (container,) = named(kind, "Deployment", "grafana")["spec"]["template"]["spec"]["containers"]
    env = {e["name"]: e for e in container["env"]}
    assert env["GF_AUTH_ANONYMOUS_ENABLED"]["value"] == "false"
    assert "secretKeyRef" in env["GF_SECURITY_ADMIN_PASSWORD"]["valueFrom"]
    (source,) = config_of(kind, "datasources.yml")["datasources"]
    assert source["uid"] == "prometheus"
    service, _, port = source["url"].removeprefix("http://").partition(":")
    ports = named(kind, "Service", service)["spec"]["ports"]
    assert int(port) in {p["port"] for p in ports}
    (provider,) = config_of(kind, "dashboards.yml")["providers"]
    mounted = {m["mountPath"]: m["name"] for m in container["volumeMounts"]}
    assert mounted[provider["options"]["path"]] == "dashboards"
    home = env["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]["value"]
    assert home == f"{provider['options']['path']}/service.json"
    assert K8S.parent / "infra/grafana" in FOLDER.parents
