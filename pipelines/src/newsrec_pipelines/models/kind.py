"""What every kind of model can do, and which class belongs to a name or to a version."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, Protocol, Self

import polars as pl

from newsrec_pipelines.errors import ConfigError, ModelError
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.models import kinds
from newsrec_pipelines.models.artifacts import ModelManifest, read_manifest
from newsrec_pipelines.models.blocks import Block
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store


class Model(Protocol):
    """One trained model. Its class is found by `name`, which its manifests carry.

    Attributes:
        params: those that it was trained with.
        metrics: of the training itself.
    """

    params: Params
    metrics: dict[str, float | None]

    @property
    def name(self) -> str:
        """Of its kind."""

    @property
    def ranker(self) -> Ranker | None:
        """How scores come from the columns of `Block.placed`; None: nobody can explain them."""

    @classmethod
    def produce_model(
        cls, data: TrainingData, params: Params, previous: Self | None = None
    ) -> Self:
        """Train on all that `data` holds, and on nothing else.

        Args:
            data: what was known.
            params: everything that changes the result.
            previous: an earlier model of the same kind to start from. It knows nothing that `data`
                does not.
        """

    def predict(self, request: Request) -> pl.DataFrame:
        """A slate for each reader of the request, in its order; schema `SLATE_SCHEMA`."""

    def predict_blocks(
        self, request: Request, readers_per_block: int = ..., threads: int = ...
    ) -> Iterator[Block]:
        """The same slates block by block, in the request's order."""

    def similar(self, articles: pl.DataFrame, k: int) -> pl.DataFrame:
        """``article_id``, and up to `k` nearest others: ``article_ids``, ``scores``."""

    def save(
        self, store: Store, data: TrainingData, git_commit: str, previous: str | None = None
    ) -> ModelManifest:
        """Write the artefact of this model, which was trained on `data`."""

    @classmethod
    def load(cls, store: Store, version: str) -> Self:
        """The model of a version. ModelError when it is missing, corrupt, or of another kind."""


def names() -> list[str]:
    """All kinds there are, sorted; none of them is imported."""
    found = (module.name for module in pkgutil.iter_modules(kinds.__path__))
    return sorted(name for name in found if not name.startswith("_"))


def named(name: str) -> type[Model]:
    """The class of a kind.

    Raises:
        ConfigError: when there is no such kind.
    """
    if name not in names():
        raise ConfigError(f"there is no kind of model {name!r}: there are {', '.join(names())}")
    module: Any = importlib.import_module(f"{kinds.__name__}.{name}")
    kind: type[Model] = module.KIND
    return kind


def load(store: Store, version: str) -> Model:
    """The model of a version, of whichever kind it is.

    Raises:
        ModelError: when it is missing, corrupt, made by other code, or of a kind that is not here.
    """
    name = read_manifest(store, version).name
    try:
        kind = named(name)
    except ConfigError as e:
        raise ModelError(f"model {version} cannot be loaded: {e}") from e
    return kind.load(store, version)
