"""Versions in a store that nobody trained: enough for whoever asks for their names only."""

from datetime import UTC, datetime

from newsrec_pipelines.models import artifacts
from newsrec_pipelines.models.artifacts import ModelManifest
from newsrec_pipelines.store import Store


def make_version(
    store: Store, version: str, as_of: datetime = datetime(2026, 3, 6, tzinfo=UTC)
) -> ModelManifest:
    """A manifest and one small file."""
    manifest = ModelManifest(
        name="fake",
        version=version,
        git_commit="abc",
        data_hash="0" * 64,
        as_of=as_of,
        created_from={},
        params={},
        metrics={},
        files={},
    )
    return artifacts.save(store, manifest, {"part": {"value": 1}})
