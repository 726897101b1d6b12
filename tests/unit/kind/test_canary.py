"""`make canary`, `canary-promote` and `canary-abort` on a machine whose programs are fakes."""

from typing import Any

import pytest

from .conftest import Machine

STABLE, CANARY = "Deployment/newsrec-api-stable", "Deployment/newsrec-api-canary"


@pytest.fixture(autouse=True)
def next_version(system: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next build of the API gives another image."""
    system.change(built={"api": "sha256:0123456789abcdef"})
    monkeypatch.setenv("WEIGHT", "10")


def _image(machine: Machine, name: str) -> Any:
    return machine.state["objects"][name]["spec"]["template"]["spec"]["containers"][0]["image"]


def _pods(machine: Machine) -> Any:
    return machine.state["objects"][CANARY]["spec"]["replicas"]


NEXT = "docker.io/newsrec/api:canary-0123456789ab"


def test_it_begins_grows_and_is_promoted(system: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = system.make("canary")
    assert (status, err) == (0, "")
    assert "newsrec-api-stable 90, newsrec-api-canary 10" in out
    assert (_image(system, CANARY), _pods(system)) == (NEXT, 1)
    assert _image(system, STABLE) == "newsrec/api:dev"

    # The tree has changed meanwhile: the canary stays what it is.
    system.change(built={"api": "sha256:changed"})
    monkeypatch.setenv("WEIGHT", "100")
    assert system.make("canary")[0] == 0
    assert (_image(system, CANARY), system.state["weight"]) == (NEXT, 100)

    status, out, _ = system.make("canary-promote")
    assert status == 0
    assert (_image(system, STABLE), _pods(system), system.state["weight"]) == (NEXT, 0, 0)


def test_it_has_no_requests_before_it_is_ready(system: Machine) -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "newsrec-api-canary-7c-x"},
        "status": {
            "containerStatuses": [{"name": "api", "ready": False, "state": {"running": {}}}]
        },
    }
    # A pod of the stable version that restarts is not the canary's.
    other = {**pod, "metadata": {"name": "newsrec-api-stable-5d-y"}}
    system.change(stuck=["newsrec-api-canary"], pods=[other, pod], weight=30)
    status, _, err = system.make("canary")
    assert status == 1
    assert "pod/newsrec-api-canary-7c-x: api runs" in err
    assert "stable-5d-y" not in err
    assert system.state["weight"] == 0


def test_aborting_takes_the_weight_first_and_can_be_repeated(system: Machine) -> None:
    system.make("canary")
    system.forget()
    assert system.make("canary-abort")[0] == 0
    assert (_pods(system), system.state["weight"]) == (0, 0)
    calls = [c for c in system.calls("kubectl") if "canary_weight 0" in c or "scale" in c]
    assert ["canary_weight 0" in c for c in calls] == [True, False]
    assert system.make("canary-abort")[0] == 0


def test_one_that_the_promise_aborted_is_not_promoted(system: Machine) -> None:
    system.make("canary")
    system.change(weight=0)
    status, _, err = system.make("canary-promote")
    assert status == 1
    assert "may have been aborted" in err
    assert _image(system, STABLE) == "newsrec/api:dev"


def test_a_stable_version_that_does_not_get_ready_keeps_the_canary(system: Machine) -> None:
    system.make("canary")
    system.change(stuck=["newsrec-api-stable"])
    status, _, err = system.make("canary-promote")
    assert status == 1
    assert "not ready" in err
    assert (_pods(system), system.state["weight"]) == (1, 10)


def test_no_canary_is_promoted_and_the_manifests_wait_for_its_end(system: Machine) -> None:
    status, _, err = system.make("canary-promote")
    assert (status, "no canary runs" in err) == (1, True)
    system.make("canary")
    status, _, err = system.make("up")
    assert status == 1
    assert err == "make up: a canary runs: make canary-promote or make canary-abort first\n"


@pytest.mark.parametrize("weight", [None, "", "101", "-1", "ten", "²"])
def test_a_wrong_weight_is_one_line(
    system: Machine, monkeypatch: pytest.MonkeyPatch, weight: str | None
) -> None:
    monkeypatch.setenv("WEIGHT", weight) if weight is not None else monkeypatch.delenv("WEIGHT")
    status, _, err = system.make("canary")
    assert status == 1
    assert "WEIGHT" in err
    assert len(err.splitlines()) == 1
    assert not system.calls("docker build")


def test_a_silent_kong_is_told_with_a_way_out(system: Machine) -> None:
    system.make("canary")
    system.change(kong_silent=True)
    status, _, err = system.make("canary-abort")
    assert status == 1
    assert "Kong does not answer" in err
    assert "rollout restart deployment/kong" in err
    assert _pods(system) == 1


def test_another_cluster_needs_its_context_and_an_image_only(
    system: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("docker", "kind"):
        system.remove(name)
    monkeypatch.setenv("CONTEXT", "production")
    status, _, err = system.make("canary")
    assert (status, "IMAGE=" in err) == (1, True)
    monkeypatch.setenv("IMAGE", "registry.example/newsrec/api:0.2.0")
    assert system.make("canary")[0] == 0
    assert _image(system, CANARY) == "registry.example/newsrec/api:0.2.0"
    assert all("--context=production" in c for c in system.calls("kubectl") if "version" not in c)
