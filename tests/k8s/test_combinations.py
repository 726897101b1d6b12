"""Every overlay with every choice of components: a cluster may bring its own of each."""

import shutil
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from support.cluster import K8S, OVERLAYS, REPOSITORY, build, called
from support.cluster_checks import CHECKS, schemas

# Stands beside an overlay: test_logging.py.
BESIDE = {"logging"}
COMPONENTS = sorted({path.name for path in (K8S / "components").iterdir()} - BESIDE)
# Asks for Kong's certificate, which kind has not.
NEEDS_TLS = {"certificates"}
CHOICES = [
    (overlay, chosen)
    for overlay in OVERLAYS
    for n in range(len(COMPONENTS) + 1)
    for chosen in combinations(COMPONENTS, n)
    if overlay == "production" or not NEEDS_TLS & set(chosen)
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what overlays refer to, for overlays of our own."""
    folder = tmp_path_factory.mktemp("combinations")
    for part in ("k8s", "infra"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("src"))
    return folder


@pytest.mark.parametrize(
    ("overlay", "chosen"), CHOICES, ids=["-".join([o, *c]) for o, c in CHOICES]
)
def test_it_holds_together(tree: Path, overlay: str, chosen: tuple[str, ...]) -> None:
    file = tree / "k8s/overlays" / overlay / "kustomization.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["components"] = [f"../../components/{name}" for name in chosen]
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    objects = build(file.parent)
    assert schemas(objects) == []
    for name, check in CHECKS.items():
        assert check(objects) == [], name
    for name in COMPONENTS:
        made = {called(o) for o in _resources(tree, name)}
        assert (made <= {called(o) for o in objects}) == (name in chosen)


def _resources(tree: Path, component: str) -> list[dict[str, object]]:
    """What a component adds by files of its own."""
    files = sorted((tree / "k8s/components" / component).glob("*.yaml"))
    return [
        o
        for file in files
        if file.name != "kustomization.yaml"
        for o in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    ]
