"""What was known at a moment becomes a version; one that is there already is not made again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.examples import data_hash, training_data
from newsrec_pipelines.features.types import TrainingData
from newsrec_pipelines.models import kind, training_snapshot
from newsrec_pipelines.models.artifacts import ModelManifest, read_manifest, version_of
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.training_configuration import TrainingConfiguration
from newsrec_pipelines.progress import working
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking import Run
from newsrec_pipelines.training.checkpoint import Checkpoint, checkpoint
from newsrec_pipelines.training.plots import importance


@dataclass(frozen=True)
class Fitted:
    """A version that was just made.

    Attributes:
        model: what was learnt.
        manifest: of the version in the store.
        data: what it was made of.
        start: the earlier model that the training started from.
    """

    model: kind.Model
    manifest: ModelManifest
    data: TrainingData
    start: Checkpoint | None


def fit(store: Store, configuration: TrainingConfiguration, as_of: datetime) -> Fitted:
    """Make a version of all that was known before `as_of`, and save it.

    Raises:
        DataError: when nothing was known, or it changed while it was read.
        ModelError: when what was learnt is not fit to be saved.
    """
    if not configuration.params.training.keep_snapshot:
        return _fit(store, configuration, as_of, None)
    with training_snapshot.taking(store, as_of, configuration.params) as taken:
        return _fit(store, configuration, as_of, taken)


def _fit(
    store: Store,
    configuration: TrainingConfiguration,
    as_of: datetime,
    taken: training_snapshot.Taken | None,
) -> Fitted:
    params = configuration.params
    made = kind.named(params.model)
    with working("read what was known"):
        data = training_data(store, as_of, params)
    if taken:
        taken.check(data.data_hash)
    start = checkpoint(store, params, as_of)
    with working(f"make the {params.model} model"):
        model = made.produce_model(data, params, start.model if start else None)
    manifest = model.save(store, data, configuration.git_commit, start.version if start else None)
    if taken:
        taken.keep(manifest)
    why = f"trained again, as of {as_of:%Y-%m-%d %H:%M} UTC"
    FileRegistry(store).restore(manifest.version, by="train", why=why)
    return Fitted(model, manifest, data, start)


def there(
    store: Store, configuration: TrainingConfiguration, as_of: datetime
) -> ModelManifest | None:
    """The version that `fit` would make, if it is there and whole: of the same code, data, start.

    Code that nobody named may be any: then there is none.
    """
    if configuration.git_commit == "unknown":
        return None
    start = checkpoint(store, configuration.params, as_of)
    first = (as_of - timedelta(days=configuration.params.training.window_days)).date()
    version = version_of(
        as_of,
        data_hash(store, first, as_of),
        configuration.params,
        configuration.git_commit,
        start.version if start else None,
    )
    registry = FileRegistry(store)
    if version not in registry.versions() or version in registry.state().removed:
        return None
    try:
        kind.load(store, version)
    except ModelError:
        return None
    return read_manifest(store, version)


def describe(run: Run, manifest: ModelManifest, model: kind.Model) -> None:
    """Tell the record of a training what it made."""
    run.name = f"{manifest.name} {manifest.version}"
    run.data_hash = manifest.data_hash
    run.tags(
        model_version=manifest.version,
        kind=manifest.name,
        configuration=TrainingConfiguration.of(model.params, manifest.git_commit).id,
        as_of=manifest.as_of.isoformat(),
        previous=manifest.previous,
        promoted=False,
    )
    run.metrics(manifest.metrics)
    run.metrics({name: float(n) for name, n in manifest.created_from.items()}, prefix="rows/")
    if model.ranker is not None:
        shares = model.ranker.importance()
        run.metrics(shares, prefix="importance/")
        run.figure("importance.svg", importance(shares))
