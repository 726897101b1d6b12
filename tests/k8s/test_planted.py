"""Each check is seen to catch what it is for: a mistake is made in the built objects."""

from collections.abc import Callable

import pytest

from support.cluster import Object, called, named
from support.cluster_checks import CHECKS, memory, schemas

GIB = 2**30


def _pod(objects: list[Object], kind: str, name: str) -> Object:
    spec: Object = named(objects, kind, name)["spec"]["template"]["spec"]
    return spec


def _container(
    objects: list[Object], kind: str = "Deployment", name: str = "newsrec-hooks"
) -> Object:
    first: Object = _pod(objects, kind, name)["containers"][0]
    return first


def _policy(objects: list[Object], name: str) -> Object:
    spec: Object = named(objects, "NetworkPolicy", name)["spec"]
    return spec


def _remove(objects: list[Object], what: str) -> None:
    objects[:] = [o for o in objects if called(o) != what]


def _data(objects: list[Object], name: str) -> Object:
    data: Object = named(objects, "ConfigMap", name)["data"]
    return data


MISTAKES: list[tuple[str, str, Callable[[list[Object]], object]]] = [
    (
        "selectors",
        "a Service of other labels",
        lambda o: named(o, "Service", "newsrec-hooks")["spec"]["selector"].update({"app": "x"}),
    ),
    (
        "selectors",
        "a Deployment that selects others",
        lambda o: named(o, "Deployment", "kong")["spec"]["selector"]["matchLabels"].update(
            {"a": "b"}
        ),
    ),
    (
        "selectors",
        "a budget for nobody",
        lambda o: named(o, "PodDisruptionBudget", "newsrec-api-stable")["spec"]["selector"][
            "matchLabels"
        ].update({"newsrec.io/track": "old"}),
    ),
    (
        "selectors",
        "an autoscaler of nothing",
        lambda o: named(o, "HorizontalPodAutoscaler", "newsrec-api-stable")["spec"][
            "scaleTargetRef"
        ].update({"name": "api"}),
    ),
    ("selectors", "a StatefulSet without its Service", lambda o: _remove(o, "Service/postgres")),
    (
        "ports",
        "a Service of another port",
        lambda o: named(o, "Service", "kong")["spec"]["ports"][0].update({"targetPort": "web"}),
    ),
    (
        "ports",
        "a probe of another port",
        lambda o: _container(o)["livenessProbe"]["httpGet"].update({"port": "web"}),
    ),
    ("references", "a ConfigMap that is not there", lambda o: _remove(o, "ConfigMap/newsrec-api")),
    (
        "references",
        "a Secret that nobody makes",
        lambda o: _container(o)["envFrom"].append({"secretRef": {"name": "no-such"}}),
    ),
    (
        "references",
        "a key that no Secret has",
        lambda o: _container(o)["env"][0]["valueFrom"]["secretKeyRef"].update({"key": "TOKEN"}),
    ),
    (
        "references",
        "a mount without a volume",
        lambda o: _pod(o, "Deployment", "kong")["volumes"].pop(),
    ),
    (
        "references",
        "a claim that is not there",
        lambda o: _remove(o, "PersistentVolumeClaim/postgres-backup"),
    ),
    ("references", "an account that is not there", lambda o: _remove(o, "ServiceAccount/airflow")),
    ("references", "a role that is not there", lambda o: _remove(o, "Role/prometheus")),
    (
        "references",
        "a Secret in git",
        lambda o: o.append({"kind": "Secret", "metadata": {"name": "x"}, "data": {}}),
    ),
    (
        "images",
        "a digest that is none",
        lambda o: _container(o, name="grafana").update(
            {"image": _container(o, name="grafana")["image"] + "0"}
        ),
    ),
    ("images", "no tag", lambda o: _container(o).update({"image": "newsrec/hooks"})),
    (
        "images",
        "latest",
        lambda o: _container(o, "StatefulSet", "postgres").update(
            {"image": "docker.io/library/postgres:latest"}
        ),
    ),
    (
        "images",
        "one that we do not build",
        lambda o: _container(o).update({"image": "newsrec/hook:dev"}),
    ),
    (
        "images",
        "one that nobody listed",
        lambda o: _container(o).update({"image": "docker.io/x/y:1.0"}),
    ),
    (
        "images",
        "tasks of another version",
        lambda o: _data(o, "airflow").update({"NEWSREC_POD_IMAGE": "newsrec/{component}:old"}),
    ),
    (
        "programs",
        "a port that nobody listens on",
        lambda o: _container(o)["ports"][0].update({"containerPort": 9999}),
    ),
    (
        "programs",
        "a command that is not in the image",
        lambda o: _pod(o, "Job", "migrations")["initContainers"][0].update(
            {"command": ["newsrec-migrate"]}
        ),
    ),
    ("probes", "no startup probe", lambda o: _container(o).pop("startupProbe")),
    ("probes", "behind a Service and never ready", lambda o: _container(o).pop("readinessProbe")),
    ("resources", "no limit", lambda o: _container(o)["resources"]["limits"].pop("memory")),
    (
        "resources",
        "no quantity",
        lambda o: _container(o)["resources"]["limits"].update({"memory": "96Mb"}),
    ),
    (
        "resources",
        "less than asked for",
        lambda o: _container(o)["resources"]["limits"].update({"memory": "9Mi"}),
    ),
    (
        "restricted",
        "root",
        lambda o: _pod(o, "Job", "migrations")["securityContext"].pop("runAsNonRoot"),
    ),
    (
        "restricted",
        "no seccomp profile",
        lambda o: _pod(o, "Deployment", "kong")["securityContext"].pop("seccompProfile"),
    ),
    (
        "restricted",
        "a root file system to write to",
        lambda o: _container(o)["securityContext"].update({"readOnlyRootFilesystem": False}),
    ),
    ("restricted", "a capability", lambda o: _container(o)["securityContext"].pop("capabilities")),
    (
        "restricted",
        "a token that nobody needs",
        lambda o: _pod(o, "Deployment", "kong").pop("automountServiceAccountToken"),
    ),
    ("policies", "nothing denied", lambda o: _remove(o, "NetworkPolicy/deny-all")),
    ("policies", "one end only", lambda o: _policy(o, "hooks")["egress"].pop()),
    ("policies", "nobody lets it in", lambda o: _remove(o, "NetworkPolicy/statsd-exporter")),
    (
        "policies",
        "another port",
        lambda o: _policy(o, "pushgateway")["ingress"][0]["ports"][0].update({"port": 9092}),
    ),
    (
        "policies",
        "the admin API for everybody",
        lambda o: _policy(o, "kong")["ingress"][0].pop("from"),
    ),
    (
        "policies",
        "a pod that is not there",
        lambda o: _policy(o, "hooks")["podSelector"]["matchLabels"].update(
            {"app.kubernetes.io/name": "hook"}
        ),
    ),
    ("tasks", "no account", lambda o: _remove(o, "ServiceAccount/newsrec-mailer")),
    ("tasks", "no ConfigMap", lambda o: _remove(o, "ConfigMap/newsrec-pipelines")),
    (
        "tasks",
        "another namespace",
        lambda o: _data(o, "airflow").update({"NEWSREC_POD_NAMESPACE": "default"}),
    ),
    (
        "tasks",
        "another name",
        lambda o: _data(o, "airflow").update({"NEWSREC_POD_NAME": "{component}"}),
    ),
]


@pytest.mark.parametrize(("check", "mistake", "make"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_is_caught(kind: list[Object], check: str, mistake: str, make) -> None:
    make(kind)
    assert CHECKS[check](kind), f"{check} did not see {mistake}"


def test_every_check_has_a_mistake() -> None:
    assert {check for check, _, _ in MISTAKES} == set(CHECKS)


def test_a_misspelt_field_is_caught(kind: list[Object]) -> None:
    hooks = named(kind, "Deployment", "newsrec-hooks")
    _container([hooks])["livenessProbe"]["periodSecond"] = 3
    assert schemas([hooks], ("1.33",))


def test_a_hungry_pod_is_caught(kind: list[Object]) -> None:
    _container(kind)["resources"]["limits"]["memory"] = "1Gi"
    assert memory(kind, "limits") > 8 * GIB
