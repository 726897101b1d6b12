import pytest

from support.cluster import (
    REPOSITORY,
    Object,
    amount,
    called,
    containers,
    declared_secrets,
    named,
    of_kind,
    templates,
)
from support.cluster_checks import CHECKS, memory, schemas

GIB = 2**30


def test_every_overlay_is_what_kubernetes_takes(overlay: list[Object]) -> None:
    assert schemas(overlay) == []


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_every_overlay_holds_together(overlay: list[Object], check) -> None:
    assert check(overlay) == []


def test_everything_lives_in_a_restricted_namespace(overlay: list[Object]) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    name = namespace["metadata"]["name"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {o["metadata"].get("namespace") for o in overlay if o is not namespace} == {name}


def test_kind_fits_into_a_laptop(kind: list[Object]) -> None:
    assert memory(kind, "requests") <= 6 * GIB
    assert memory(kind, "limits") <= 8 * GIB


def _used_secrets(built: dict[str, list[Object]]) -> set[str]:
    used = {"newsrec-pipelines", "newsrec-mailer"}  # by Airflow's tasks
    for objects in built.values():
        for _, t in templates(objects):
            used |= {
                v["secret"]["secretName"] for v in t["spec"].get("volumes", []) if "secret" in v
            }
            for c in containers(t):
                used |= {e["secretRef"]["name"] for e in c.get("envFrom", []) if "secretRef" in e}
                refs = [e.get("valueFrom", {}).get("secretKeyRef") for e in c.get("env", [])]
                used |= {ref["name"] for ref in refs if ref}
    return used


def test_every_declared_secret_is_used(built: dict[str, list[Object]]) -> None:
    assert _used_secrets(built) == set(declared_secrets())


def test_a_secret_that_nobody_uses_any_more_is_caught(built: dict[str, list[Object]]) -> None:
    without = {
        name: [o for o in objects if called(o) != "Deployment/grafana"]
        for name, objects in built.items()
    }
    assert set(declared_secrets()) - _used_secrets(without) == {"grafana"}


def _asked_for(objects: list[Object]) -> float:
    """Cores of everything that runs for long."""
    return sum(
        amount(c["resources"]["requests"]["cpu"])
        for o, t in templates(objects)
        if o["kind"] in ("Deployment", "StatefulSet")
        for c in t["spec"]["containers"]
    )


def test_kind_finds_a_place_on_three_cores(kind: list[Object]) -> None:
    # Kubernetes itself asks for 0.95 on such a node, a stage of the world for 0.25.
    assert _asked_for(kind) <= 1.5


def test_a_pod_for_which_there_is_no_core_is_caught(kind: list[Object]) -> None:
    first = named(kind, "Deployment", "mlflow")["spec"]["template"]["spec"]["containers"][0]
    first["resources"]["requests"]["cpu"] = "1"
    assert _asked_for(kind) > 1.5


@pytest.mark.parametrize(("row", "name"), [("API", "newsrec-api-stable"), ("Kong", "kong")])
def test_the_costs_are_those_of_the_manifests(
    built: dict[str, list[Object]], row: str, name: str
) -> None:
    page = (REPOSITORY / "docs/explanation/costs.md").read_text(encoding="utf-8")
    (line,) = [x for x in page.splitlines() if x.startswith(f"| {row} |")]
    of_kind_, of_production = [cell.strip() for cell in line.split("|")[2:4]]
    told = {
        "kind": of_kind_,
        "production": of_kind_ if of_production == "the same" else of_production,
    }
    for overlay, said in told.items():
        (container,) = named(built[overlay], "Deployment", name)["spec"]["template"]["spec"][
            "containers"
        ]
        asked = container["resources"]["requests"]
        assert said == f"{asked['cpu']}, {asked['memory'].removesuffix('Mi')} MiB"
