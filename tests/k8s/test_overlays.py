import pytest

from support.cluster import (
    K8S,
    Object,
    build,
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


@pytest.mark.parametrize("left_out", ["postgres", "store", "mailcatcher"])
def test_every_component_can_be_left_out(tmp_path, left_out: str) -> None:
    others = [c for c in ("postgres", "store", "mailcatcher") if c != left_out]
    # A kustomization must lie beside what it names: the tree is mirrored by links.
    (tmp_path / "infra").symlink_to(K8S.parent / "infra")
    (tmp_path / "k8s").mkdir()
    for part in ("base", "components"):
        (tmp_path / "k8s" / part).symlink_to(K8S / part)
    folder = K8S / "overlays" / "kind"
    lines = (folder / "kustomization.yaml").read_text(encoding="utf-8").splitlines()
    kept = [x.replace("../../", f"{_up(tmp_path)}k8s/") for x in lines]
    kept = [x for x in kept if not x.endswith(f"components/{left_out}")]
    assert len(kept) == len(lines) - 1
    target = tmp_path / "overlay"
    target.mkdir()
    (target / "kustomization.yaml").write_text("\n".join(kept), encoding="utf-8")
    objects = build(target)
    assert not [o for o, _ in templates(objects) if o["metadata"]["name"] == left_out]
    assert len([o for o, _ in templates(objects) if o["metadata"]["name"] in others]) == 2
    for check in CHECKS.values():
        assert check(objects) == []


def _up(tmp_path) -> str:
    depth = len((tmp_path / "overlay").resolve().parts) - 1
    return "../" * depth + str(K8S.parent).lstrip("/") + "/"
