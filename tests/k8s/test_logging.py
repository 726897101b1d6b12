"""The component that keeps logs, beside each overlay: it holds together, and is what it says."""

import base64
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.cluster import K8S, OVERLAYS, Object, build, containers, named, of_kind, templates
from support.cluster_checks import CHECKS, schemas

COMPONENT = K8S / "components/logging"
SPACE = "newsrec-logging"
PASSWORDS = {f"{name}_PASSWORD": name.lower() * 4 for name in ("ELASTIC", "KIBANA", "SHIPPER")}


@pytest.fixture(scope="module", params=OVERLAYS)
def logged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Object]:
    """Each overlay with the component, in the way that the component's file says."""
    told = (COMPONENT / "kustomization.yaml").read_text(encoding="utf-8")
    wanted = yaml.safe_load("\n".join(re.findall(r"^#   (.*)$", told, re.M)))
    assert wanted == {"resources": ["../kind"], "components": ["../../components/logging"]}
    folder = tmp_path_factory.mktemp("logged")
    (folder / "infra").symlink_to(K8S.parent / "infra")
    up = "../" * (len(folder.resolve().parts) - 1) + str(K8S).lstrip("/")
    wanted = {
        "resources": [f"{up}/overlays/{request.param}"],
        "components": [f"{up}/components/logging"],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(wanted), encoding="utf-8")
    return build(folder)


def test_it_goes_beside_every_overlay(logged: list[Object]) -> None:
    ours = [o for o in logged if o["metadata"].get("namespace") == SPACE]
    assert schemas([*ours, *(o for o in of_kind(logged, "Namespace"))]) == []
    for check in CHECKS.values():
        assert check(logged) == []
    assert {o["metadata"]["name"] for o, _ in templates(ours)} == {
        *("elasticsearch", "kibana", "log-shipper", "logging-users"),
    }
    # Nothing of the overlay has moved.
    others = [o for o, _ in templates(logged) if o not in ours]
    assert {o["metadata"]["namespace"] for o in others} == {"newsrec"}


def test_neither_overlay_has_it_by_itself(built: dict[str, list[Object]]) -> None:
    for objects in built.values():
        assert not [o for o in objects if "elastic" in json.dumps(o)]


MISTAKES: list[tuple[str, Callable[[list[Object]], object]]] = [
    (
        "restricted",
        lambda o: named(o, "Deployment", "kibana")["spec"]["template"]["spec"]["volumes"].append(
            {"name": "x", "hostPath": {"path": "/"}}
        ),
    ),
    (
        "restricted",
        lambda o: named(o, "DaemonSet", "log-shipper")["spec"]["template"]["spec"].update(
            hostNetwork=True
        ),
    ),
    (
        "policies",
        lambda o: o.remove(
            next(
                p
                for p in of_kind(o, "NetworkPolicy")
                if p["metadata"]["name"] == "deny-all" and p["metadata"]["namespace"] == SPACE
            )
        ),
    ),
    (
        "ports",
        lambda o: named(o, "StatefulSet", "elasticsearch")["spec"]["template"]["spec"][
            "containers"
        ][0]["readinessProbe"]["tcpSocket"].update(port="readiness"),
    ),
    (
        "probes",
        lambda o: named(o, "DaemonSet", "log-shipper")["spec"]["template"]["spec"]["containers"][
            0
        ].pop("livenessProbe"),
    ),
    (
        "references",
        lambda o: named(o, "DaemonSet", "log-shipper")["spec"]["template"]["spec"]["containers"][0][
            "env"
        ][0]["valueFrom"]["secretKeyRef"].update(key="PASSWORD"),
    ),
]


@pytest.mark.parametrize(("check", "mistake"), MISTAKES)
def test_a_mistake_is_caught(
    logged: list[Object], check: str, mistake: Callable[[list[Object]], object]
) -> None:
    spoilt = json.loads(json.dumps(logged))
    mistake(spoilt)
    assert CHECKS[check](spoilt)


def _shipper() -> Any:
    return yaml.safe_load((COMPONENT / "fluent-bit.yaml").read_text(encoding="utf-8"))


def test_only_our_programs_are_read_as_json(logged: list[Object]) -> None:
    ours, others = _shipper()["pipeline"]["inputs"]
    assert others["exclude_path"] == ours["path"]
    # Airflow's tasks have no manifest here; their container is called `base`.
    seen = {"base": "pipelines"}
    for o, t in templates(logged):
        for c in containers(t):
            path = f"/var/log/pods/newsrec_{o['metadata']['name']}-x_uid/{c['name']}/0.log"
            if any(fnmatch(path, p) for p in ours["path"].split(",")):
                image = c["image"].rpartition(":")[0]
                seen[c["name"]] = image.rpartition("newsrec/")[2]
    assert seen == {"api": "api", "hooks": "hooks", "base": "pipelines"}


def test_a_line_says_whose_it_is() -> None:
    (path,) = [p["regex"] for p in _shipper()["parsers"] if p["name"] == "path"]
    found = re.match(
        path.replace("(?<", "(?P<"),
        "/var/log/pods/newsrec_newsrec-api-stable-5d-x2_0a-1b/api/0.log",
    )
    assert found is not None
    assert found.groupdict() == {
        "namespace": "newsrec",
        "pod": "newsrec-api-stable-5d-x2",
        "container": "api",
    }


def test_the_shipper_finds_who_keeps_the_logs(logged: list[Object]) -> None:
    (output,) = _shipper()["pipeline"]["outputs"]
    service = named(logged, "Service", output["host"])
    assert output["port"] in {p["port"] for p in service["spec"]["ports"]}
    kibana = named(logged, "Deployment", "kibana")["spec"]["template"]["spec"]["containers"][0]
    hosts = {e["name"]: e.get("value") for e in kibana["env"]}["ELASTICSEARCH_HOSTS"]
    assert hosts == f"http://{output['host']}:{output['port']}"


class Elasticsearch:
    """Takes what it is asked, and answers with a status."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.asked: list[tuple[str, str, str, Any]] = []


@contextmanager
def _fake(elastic: Elasticsearch) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            who = base64.b64decode(self.headers["Authorization"].split()[1]).decode()
            elastic.asked.append((self.command, self.path, who, body))
            self.send_response(elastic.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_PUT = _take  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _users(url: str, **passwords: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", str(COMPONENT / "users.sh")],
        env={"PATH": os.environ["PATH"], "ELASTICSEARCH_URL": url, **PASSWORDS, **passwords},
        capture_output=True,
        text=True,
        check=False,
    )


def test_kibana_and_the_shipper_get_users_of_their_own() -> None:
    elastic = Elasticsearch(200)
    with _fake(elastic) as url:
        done = _users(url)
    assert done.returncode == 0, done.stderr
    assert {who for _, _, who, _ in elastic.asked} == {f"elastic:{PASSWORDS['ELASTIC_PASSWORD']}"}
    bodies = {path: body for _, path, _, body in elastic.asked}
    assert bodies["/_security/user/kibana_system/_password"] == {
        "password": PASSWORDS["KIBANA_PASSWORD"]
    }
    (output,) = _shipper()["pipeline"]["outputs"]
    assert bodies[f"/_security/user/{output['http_user']}"] == {
        "password": PASSWORDS["SHIPPER_PASSWORD"],
        "roles": ["log_shipper"],
    }
    (rights,) = bodies["/_security/role/log_shipper"]["indices"]
    assert all(fnmatch(output["index"], name) for name in rights["names"])
    assert rights["privileges"] == ["create_doc", "auto_configure"]
    (pattern,) = bodies["/_index_template/logs-newsrec"]["index_patterns"]
    assert fnmatch(output["index"], pattern)


def test_who_is_refused_and_who_is_not_there_end_it() -> None:
    elastic = Elasticsearch(401)
    with _fake(elastic) as url:
        assert _users(url).returncode != 0
    assert len(elastic.asked) == 1
    assert _users("http://127.0.0.1:9").returncode != 0


@pytest.mark.parametrize("name", PASSWORDS)
@pytest.mark.parametrize("value", ["", "short", 'quo"te' * 4])
def test_a_bad_password_is_one_clear_line(name: str, value: str) -> None:
    done = _users("http://127.0.0.1:9", **{name: value})
    assert done.returncode == 1
    assert done.stderr == f"{name} must be 16 or more letters, digits, - and _\n"


def test_the_files_of_the_component_are_all_used() -> None:
    told = (COMPONENT / "kustomization.yaml").read_text(encoding="utf-8")
    files = {p.name for p in Path(COMPONENT).iterdir()} - {"kustomization.yaml"}
    assert {name for name in files if name not in told} == set()
