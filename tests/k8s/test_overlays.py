import pytest

from support.cluster import (
    Object,
    containers,
    declared_secrets,
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


def test_every_declared_secret_is_used(built: dict[str, list[Object]]) -> None:
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
    assert used == set(declared_secrets())
