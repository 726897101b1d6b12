"""Where a training starts from: the factors of the champion, or nothing."""

from dataclasses import dataclass
from datetime import datetime

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models import kind
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store


@dataclass(frozen=True)
class Checkpoint:
    """An earlier model, and its version."""

    version: str
    model: kind.Model


def checkpoint(store: Store, params: Params, as_of: datetime) -> Checkpoint | None:
    """What to start from, as ``training.checkpoint`` says; None is a cold start.

    A model that knows what happened after `as_of` is none (a back-fill must not see the future),
    nor is one of another kind, nor one that cannot be read, since a damaged champion must not stop
    the next training, nor the one of the same moment: a training that runs again starts from where
    the first one did.
    """
    if params.training.checkpoint == "none":
        return None
    try:
        version = FileRegistry(store).champion()
        while (manifest := read_manifest(store, version)).as_of >= as_of:
            if manifest.previous is None:
                return None
            version = manifest.previous
        return Checkpoint(version, kind.named(params.model).load(store, version))
    except ModelError:
        return None
