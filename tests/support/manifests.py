"""Model versions that are nothing but a manifest: enough for who only asks what they were."""

from datetime import UTC, datetime

from newsrec_pipelines.models.artifacts import FOLDER, ModelManifest
from newsrec_pipelines.store import Store


def write_version(
    store: Store, version: str, as_of: datetime | None = None, reads: int = 100, epochs: int = 10
) -> None:
    """A version whose training configuration differs by the epochs of ALS."""
    manifest = ModelManifest(
        name="news",
        version=version,
        git_commit="c",
        data_hash="d",
        as_of=as_of or datetime(2026, 3, 9, tzinfo=UTC),
        created_from={"reads": reads},
        params={"als": {"epochs": epochs}, "world": {"seed": len(version)}},
        metrics={},
        files={},
    )
    store.write_json(f"{FOLDER}/{version}/manifest.json", manifest.model_dump(mode="json"))
