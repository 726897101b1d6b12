"""What `make up` adds to the manifests: Secrets, the stages' Jobs, the cluster's own file."""

import copy
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from infra.kind import cluster, credentials, images, show, world

from support.cluster import REPOSITORY, Object, declared_secrets, named, of_kind
from support.cluster_checks import CHECKS, schemas

TODAY = date(2026, 3, 6)
PRODUCTION_ONLY = {"kong-tls"}


def test_every_secret_that_is_declared_is_made() -> None:
    made = credentials.made({})
    declared = {n: k for n, k in declared_secrets().items() if n not in PRODUCTION_ONLY}
    assert {name: set(keys) for name, keys in made.items()} == declared


def test_secrets_are_what_their_readers_take() -> None:
    made = credentials.made({})
    for name, keys in made.items():
        for key, value in keys.items():
            assert not re.search(r"[{}]", value) or key == "passwords.json", f"{name}/{key}"
    password = made["newsrec-hooks"]["AIRFLOW_PASSWORD"]
    assert json.loads(made["airflow-users"]["passwords.json"]) == {"admin": password}
    assert made["newsrec-mailer"]["LINK_SECRET"] == made["newsrec-api"]["LINK_SECRET"]
    chances = [v for s in made.values() for v in s.values() if re.fullmatch(r"[A-Za-z0-9]{32}", v)]
    assert len(set(chances)) >= 17
    again = credentials.made({})
    assert again["postgres"] != made["postgres"]


def test_what_the_cluster_has_stays_and_the_rest_follows_from_it() -> None:
    first = credentials.made({})
    assert credentials.made(first) == first
    spoilt = copy.deepcopy(first)
    spoilt["newsrec-api"]["DATABASE_URL"] = "by an older version"
    assert credentials.made(spoilt) == first
    del spoilt["newsrec-migrations"]
    after = credentials.made(spoilt)
    assert after["postgres"] == first["postgres"]
    assert after["newsrec-migrations"]["API_PASSWORD"] in after["newsrec-api"]["DATABASE_URL"]


def _with_stages(kind: list[Object]) -> list[Object]:
    jobs = [world.job(stage, TODAY) for stage in world.cycle(date(2026, 3, 1), TODAY)]
    metadata = {"name": "newsrec-world", "namespace": "newsrec"}
    data = {"params.yaml": ""}
    configmap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    return [*kind, *jobs, configmap]


def test_the_stages_are_what_kubernetes_takes(kind: list[Object]) -> None:
    jobs = of_kind(_with_stages([]), "Job")
    assert len(jobs) == 5
    assert schemas(jobs) == []
    assert all(len(j["metadata"]["name"]) <= 63 for j in jobs)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_the_stages_hold_together_with_the_rest(kind: list[Object], check: Any) -> None:
    assert check(_with_stages(kind)) == []


def test_a_stage_takes_the_place_of_a_task(kind: list[Object]) -> None:
    sizes = json.loads(named(kind, "ConfigMap", "airflow")["data"]["NEWSREC_POD_SIZES"])
    stage = world.job(world.cycle(date(2026, 3, 1), TODAY)[0], TODAY)
    (container,) = stage["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == sizes["large"]


def test_the_cycle_is_one_of_our_programs(tmp_path: Path) -> None:
    from newsrec_pipelines.commands import COMMANDS
    from newsrec_pipelines.parameters import Params

    stages = world.cycle(date(2026, 3, 1), TODAY)
    assert {s.arguments[0] for s in stages} <= set(COMMANDS)
    base = str(REPOSITORY / "params.yaml")
    text = world.params(TODAY).replace("/srv/newsrec/params.yaml", base)
    (tmp_path / "params.yaml").write_text(text)
    read = Params.load(tmp_path / "params.yaml").world
    assert (read.start, read.readers) == (date(2026, 3, 1), 300)
    dockerfile = (REPOSITORY / "infra/docker/Dockerfile").read_text(encoding="utf-8")
    assert "WORKDIR /srv/newsrec" in dockerfile
    assert "COPY params.yaml ./" in dockerfile


def test_the_cluster_gives_kong_its_port(kind: list[Object]) -> None:
    config = yaml.safe_load((REPOSITORY / "infra/kind/cluster.yaml").read_text(encoding="utf-8"))
    (node,) = config["nodes"]
    assert re.fullmatch(r"kindest/node:v1\.\d+\.\d+@sha256:[0-9a-f]{64}", node["image"])
    (mapping,) = node["extraPortMappings"]
    (port,) = named(kind, "Service", "kong")["spec"]["ports"]
    assert mapping["containerPort"] == port["nodePort"]
    assert mapping["hostPort"] == cluster.PORT
    assert named(kind, "ConfigMap", "newsrec-api")["data"]["PUBLIC_URL"].endswith(
        f":{cluster.PORT}"
    )


def test_every_page_is_a_port_of_its_service(kind: list[Object]) -> None:
    for service, (_, _, inside) in show._PAGES.items():
        assert inside in {p["port"] for p in named(kind, "Service", service)["spec"]["ports"]}


def test_every_image_of_ours_is_built_and_loaded(kind: list[Object]) -> None:
    text = yaml.safe_dump_all(kind)
    assert images.named_in(text) == ["airflow", "api", "hooks", "mailer", "mlflow", "pipelines"]
