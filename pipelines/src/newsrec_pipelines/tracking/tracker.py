"""What a tracker can do, what it is told of the models, and where its records go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from newsrec_pipelines.models.artifacts import FOLDER, ModelManifest, read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking.record import Record


@dataclass(frozen=True)
class Models:
    """The registry as it stands: what a tracker's own registry is to look like.

    It is a state, not a list of events: whoever was away for long, or hears of two promotions in
    the wrong order, still ends up right.

    Attributes:
        store: where the artefacts are.
        versions: all there are, oldest first.
        aliases: ``champion`` and ``challenger``, where there is one -> version.
    """

    store: Store
    versions: tuple[str, ...]
    aliases: Mapping[str, str]

    @classmethod
    def of(cls, store: Store) -> "Models":
        """Read it from the store.

        Raises:
            ModelError: when what was done to models cannot be read.
        """
        registry = FileRegistry(store)
        state = registry.state()
        named = {"champion": state.champion, "challenger": state.challenger}
        return cls(
            store,
            tuple(registry.versions()),
            {alias: version for alias, version in named.items() if version is not None},
        )

    def manifest(self, version: str) -> ModelManifest:
        """What a version is. ModelError when its manifest is damaged, or gone by now."""
        return read_manifest(self.store, version)

    def source(self, version: str) -> str:
        """The folder of a version's artefact."""
        return f"{self.store.url}/{FOLDER}/{version}"


class Tracker(Protocol):
    """Keeps runs and, if it can, a registry. Each call may raise whatever it likes, or hang."""

    def log_run(self, record: Record, files: Mapping[str, bytes]) -> None:
        """Keep one run. A run that was sent before, in whole or in part, is kept once.

        Args:
            record: what it was.
            files: its pictures and reports by name.
        """

    def mirror(self, models: Models) -> None:
        """Make its own registry like `models`; nothing happens where it has none."""


def target(name: str, settings: Settings) -> str:
    """Where records go, such that another place gets all of them anew. It holds no secret."""
    tracking = settings.tracking
    if name == "mlflow":
        return tracking.mlflow_uri
    return tracking.neptune_project if tracking.neptune_token else str(settings.var / "neptune")
