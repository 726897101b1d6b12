"""The model versions that make the slates of a run: each is loaded once."""

from dataclasses import dataclass

from newsrec_pipelines.models import kind
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.scoring.evidence import Origin
from newsrec_pipelines.scoring.slates import Model
from newsrec_pipelines.store import Store


@dataclass(frozen=True)
class Version:
    """A loaded model version, and where its scores come from."""

    model: Model
    origin: Origin

    @property
    def name(self) -> str:
        """Of the version."""
        return self.origin.model_version


class Versions:
    """Loads versions out of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loaded: dict[str, Version] = {}

    def load(self, version: str) -> Version:
        """A version, which stays in memory.

        Raises:
            ModelError: when it is missing, corrupt, made by other code, or changed though frozen.
        """
        if version not in self._loaded:
            self._loaded[version] = _load(self._store, version)
        return self._loaded[version]


def _load(store: Store, version: str) -> Version:
    FileRegistry(store).verify(version)
    model = kind.load(store, version)
    ranker, rules = model.ranker, model.params.slate
    origin = Origin(
        model_version=version,
        data_hash=read_manifest(store, version).data_hash,
        columns=ranker.names if ranker else (),
        used=ranker.used if ranker else (),
        trees=ranker.text if ranker else "",
        summed=ranker.scorers if ranker else (),
        reliability=rules.reliability,
        unrated=rules.unrated_reliability,
    )
    return Version(model, origin)
