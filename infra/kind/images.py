"""Builds our images and brings them into the node of the cluster."""

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.kind.programs import ask, watch

_TASKS = ("pipelines", "mailer")  # of the pods that Airflow makes
_OURS = re.compile(r"\bnewsrec/([a-z]+):")
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Engine:
    """Docker or podman."""

    program: str

    @property
    def env(self) -> dict[str, str]:
        """What kind is told, to use the same one."""
        podman = Path(self.program).name == "podman"
        return {"KIND_EXPERIMENTAL_PROVIDER": "podman"} if podman else {}

    def build(self, names: Iterable[str], tag: str) -> None:
        """Build images of the Dockerfile, as `make images` does."""
        make = ["make", "--no-print-directory", "--directory", str(REPOSITORY), "images"]
        watch([*make, f"ENGINE={self.program}", f"IMAGES={' '.join(names)}", f"TAG={tag}"])

    def id_of(self, image: str) -> str:
        """What the image is, whatever it is called."""
        return ask([self.program, "image", "inspect", "--format={{.Id}}", image]).strip()

    def tag(self, image: str, other: str) -> None:
        """Give an image another name."""
        ask([self.program, "tag", image, other])

    def load(self, kind: str, cluster: str, images: Iterable[str]) -> None:
        """Bring images into the node; with podman by a file, since kind asks Docker alone."""
        if not self.env:
            watch([kind, "load", "docker-image", "--name", cluster, *images])
            return
        with tempfile.TemporaryDirectory() as folder:
            for image in images:
                archive = str(Path(folder) / "image.tar")
                ask([self.program, "save", "--format=docker-archive", "--output", archive, image])
                watch([kind, "load", "image-archive", "--name", cluster, archive], self.env)
                Path(archive).unlink()


def named_in(manifests: str) -> list[str]:
    """Our images that manifests and Airflow's tasks need, by their targets in the Dockerfile."""
    return sorted({*_OURS.findall(manifests), *_TASKS})


def named_by(images: Iterable[str]) -> set[str]:
    """Those of ours among images of containers, by their targets."""
    return {name for image in images for name in _OURS.findall(image)}


def full(name: str, tag: str) -> str:
    """The name that Docker, podman and the node understand alike."""
    return f"docker.io/newsrec/{name}:{tag}"
