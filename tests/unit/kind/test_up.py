"""`make up`, `status`, `logs` and `down` on a machine whose programs are fakes."""

import base64
import socket
from typing import Any

import pytest
from infra.kind import cluster

from .conftest import Machine

# Each starts many fake programs: together they take more than ten seconds.
pytestmark = pytest.mark.slow


def _secrets(machine: Machine) -> dict[str, dict[str, str]]:
    return {
        o["metadata"]["name"]: {k: base64.b64decode(v).decode() for k, v in o["data"].items()}
        for o in machine.state["objects"].values()
        if o["kind"] == "Secret"
    }


def test_from_nothing_to_a_slate(machine: Machine) -> None:
    status, out, err = machine.make("up")
    assert (status, err) == (0, "")
    assert machine.calls("kind create cluster --name newsrec")
    built = [c.split("--tag ")[1].split()[0] for c in machine.calls("docker build")]
    assert built == [f"docker.io/newsrec/{n}:dev" for n in ("api", "mailer", "pipelines")]
    (loaded,) = machine.calls("kind load docker-image")
    assert loaded.split()[5:] == built
    keys = _secrets(machine)["kong-consumers"]
    assert machine.keys == [keys["KEY_SITE"]]
    assert f"curl -H 'apikey: {keys['KEY_SITE']}'" in out
    assert "10 articles for reader-000001, of v1" in out
    assert "port-forward service/airflow-api 8081:8080" in out
    assert "service/grafana" not in out
    jobs = [n for n in machine.state["objects"] if n.startswith("Job/world-")]
    stages = ["simulate", "etl", "materialize", "train", "recommend"]
    assert [n.split("-")[1] for n in jobs] == stages
    # No secret was on a command line, and the person's own cluster was not meant.
    calls = machine.calls("")
    assert not [
        c for c in calls if any(v in c for s in _secrets(machine).values() for v in s.values())
    ]
    config = machine.folder / "var" / "kind" / "kubeconfig"
    assert all(
        f"--kubeconfig={config}" in c for c in machine.calls("kubectl") if "version" not in c
    )


def test_the_second_start_changes_nothing_that_is_there(system: Machine) -> None:
    before = system.state
    status, out, _ = system.make("up")
    assert status == 0
    assert "is at" in out
    assert not system.calls("kind create")
    assert not [c for c in system.calls("kubectl") if "rollout restart" in c]
    assert system.state == before


def test_an_image_that_was_built_anew_gets_new_pods(system: Machine) -> None:
    system.change(built={"api": "sha256:another"})
    system.make("up")
    restarted = [c.split()[-1] for c in system.calls("kubectl") if "rollout restart" in c]
    assert restarted == ["deployment/newsrec-api-stable", "deployment/newsrec-api-canary"]


@pytest.mark.parametrize("name", ["docker", "kind", "kubectl"])
@pytest.mark.parametrize("command", ["up", "status", "logs", "down", "canary-promote"])
def test_a_missing_program_is_one_line(machine: Machine, name: str, command: str) -> None:
    machine.remove(name)
    status, _, err = machine.make(command)
    assert status == 1
    (line,) = err.splitlines()
    assert line.startswith(f"make {command}: ")
    missing = "neither docker nor podman" if name == "docker" else name
    assert f"{missing} is on PATH: https://" in line.replace("is not on", "is on")
    assert not machine.calls("kind create")


def test_a_dead_daemon_is_one_line(machine: Machine) -> None:
    machine.change(daemon=False)
    status, _, err = machine.make("up")
    assert status == 1
    assert err.splitlines() == [
        "make up: docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
        " (is its daemon running, and may you use it?)"
    ]


@pytest.mark.parametrize("version", ["v4.5.7", "", None, "five"])
def test_an_old_kubectl_is_one_line(machine: Machine, version: Any) -> None:
    machine.change(kustomize=version)
    status, _, err = machine.make("up")
    assert status == 1
    assert "kubectl 1.27 or later" in err
    assert len(err.splitlines()) == 1


def test_podman_does_where_docker_is_not(machine: Machine) -> None:
    folder = machine.folder / "bin"
    (folder / "docker").rename(folder / "podman")
    status, _, err = machine.make("up")
    assert (status, err) == (0, "")
    assert len(machine.calls("podman save --format=docker-archive")) == 3
    assert len(machine.calls("kind load image-archive")) == 3


def test_a_port_that_is_taken_is_told_before_anything_is_made(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(cluster, "PORT", taken.getsockname()[1])
        status, _, err = machine.make("up")
    assert status == 1
    assert "is taken by another program" in err
    assert not machine.calls("kind create")


def test_half_a_cluster_is_told_and_left_alone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_ANSWER_SECONDS", 0.0)
    machine.change(clusters=["newsrec"], answers=False)
    status, _, err = machine.make("up")
    assert status == 1
    assert (
        err
        == "make up: the cluster newsrec is there, but does not answer: make down, then make up\n"
    )
    assert not machine.calls("kind delete")


def test_a_node_that_stands_still_is_started(system: Machine) -> None:
    system.change(node_runs=False)
    status, out, _ = system.make("up")
    assert status == 0
    assert "starting newsrec-control-plane again" in out


def test_a_build_that_fails_applies_nothing(machine: Machine) -> None:
    machine.change(build_fails=True)
    status, _, err = machine.make("up")
    assert status == 1
    assert err.splitlines()[-1] == "make up: make ended with status 2: see above"
    assert not machine.state["objects"]


def _pod(**status: Any) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": "newsrec-api-stable-5d"}
    metadata = {"name": "newsrec-api-stable-5d-x", "ownerReferences": [owner]}
    return {"kind": "Pod", "metadata": metadata, "status": {"phase": "Running", **status}}


@pytest.mark.parametrize(
    ("status", "why", "log"),
    [
        (
            {"containerStatuses": [{"name": "api", "ready": False, "state": {"running": {}}}]},
            "api runs, and its probe does not succeed",
            True,
        ),
        (
            {
                "containerStatuses": [
                    {
                        "name": "api",
                        "ready": False,
                        "restartCount": 3,
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                    }
                ]
            },
            "api waits: CrashLoopBackOff, it ended before with status 137 (OOMKilled)",
            True,
        ),
        (
            {
                "containerStatuses": [
                    {
                        "name": "api",
                        "ready": False,
                        "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}},
                    }
                ]
            },
            "api waits: ErrImagePull, not found",
            False,
        ),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "message": "Insufficient memory"}
                ]
            },
            "finds no place: Insufficient memory",
            False,
        ),
    ],
)
def test_a_pod_that_never_gets_ready_is_named_with_its_reason(
    machine: Machine, status: dict[str, Any], why: str, log: bool
) -> None:
    machine.change(stuck=["newsrec-api-stable"], pods=[_pod(**status)])
    ended, _, err = machine.make("up")
    assert ended == 1
    first, *rest = err.splitlines()
    assert first.startswith("make up: not ready after 0 s: deployment/newsrec-api-stable: pod/")
    assert first.endswith(why)
    assert ("  line 30" in rest) == log
    assert len([x for x in rest if x.startswith("  line")]) == (10 if log else 0)
    # Put right, the next start goes on to the end.
    machine.change(stuck=[], pods=[])
    assert machine.make("up")[0] == 0


def test_a_start_that_is_interrupted_goes_on_where_it_ended(machine: Machine) -> None:
    machine.change(failing=["world-train"])
    status, _, err = machine.make("up")
    assert status == 1
    assert err.startswith("make up: job/world-train-")
    secrets = _secrets(machine)
    # A part of the Secrets was not written when it ended.
    objects = machine.state["objects"]
    for name in ("newsrec-api", "store"):
        del objects[f"Secret/{name}"]
    machine.change(failing=[], objects=objects)
    machine.forget()
    status, _, err = machine.make("up")
    assert (status, err) == (0, "")
    applied = [n for n in machine.state["objects"] if n.startswith("Job/world-")]
    assert len(applied) == 5
    after = _secrets(machine)
    assert after["postgres"] == secrets["postgres"]
    # What follows from what was lost follows from the new one.
    assert after["newsrec-pipelines"]["AWS_ACCESS_KEY_ID"] == after["store"]["ROOT_ACCESS_KEY"]
    assert after["newsrec-mailer"]["LINK_SECRET"] == after["newsrec-api"]["LINK_SECRET"]


def test_without_a_slate_the_start_has_failed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infra.kind import up

    monkeypatch.setattr(up, "KONG", "http://127.0.0.1:1")
    status, _, err = machine.make("up")
    assert status == 1
    assert "no slate through Kong" in err


@pytest.mark.parametrize("command", ["status", "logs", "canary-promote", "canary-abort"])
def test_no_cluster_is_one_line(machine: Machine, command: str) -> None:
    status, _, err = machine.make(command)
    assert (status, err) == (3, "there is no cluster newsrec (make up)\n")


def test_status_names_what_is_not_ready(system: Machine) -> None:
    status, out, _ = system.make("status")
    assert status == 0
    assert "✓ deployment/newsrec-api-stable" in out
    assert "newsrec-api-stable 100, newsrec-api-canary 0" in out
    objects = system.state["objects"]
    objects["StatefulSet/postgres"]["status"]["readyReplicas"] = 0
    system.change(objects=objects, kong_silent=True)
    status, out, _ = system.make("status")
    assert status == 4
    assert "… statefulset/postgres" in out
    assert "weights in Kong: unknown" in out


def test_logs_of_a_name(system: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "line 30" in system.make("logs")[1]
    monkeypatch.setenv("APP", "api")
    assert system.make("logs")[0] == 0
    monkeypatch.setenv("APP", "apy")
    status, _, err = system.make("logs")
    assert status == 1
    assert "no pod is called apy" in err


def test_down_twice(system: Machine) -> None:
    assert "Removed" in system.make("down")[1]
    status, out, _ = system.make("down")
    assert (status, out) == (0, "There is no cluster newsrec.\n")
    assert len(system.calls("kind delete")) == 1


def test_two_at_once_are_one_too_many(machine: Machine) -> None:
    from infra.kind import __main__ as program

    (machine.folder / "var").mkdir()
    with program._only_one():
        status, _, err = machine.make("up")
    assert (status, err) == (1, "make up: another command works on the cluster\n")
