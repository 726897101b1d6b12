"""First step: train the champion's configuration and today's, both to the evening before."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from newsrec_pipelines.errors import DataError, ModelError
from newsrec_pipelines.gate.steps import CHALLENGER, REFIT, SERVING, Trained
from newsrec_pipelines.models.artifacts import ModelManifest, read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.training_configuration import TrainingConfiguration
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking import tracked
from newsrec_pipelines.training.fit import describe, fit, there


def train(store: Store, settings: Settings, today: TrainingConfiguration, day: date) -> Trained:
    """Make what the day is to evaluate; versions that are there already are not made again.

    The champion itself is the refit when it would only be made again: of the same code, to the same
    moment. A training configuration that cannot be trained does not stop the other one.
    """
    making = _Making(store, settings, datetime.combine(day, time(), UTC))
    champion = FileRegistry(store).state().champion
    notes: list[str] = []
    served = making.look_at(champion) if champion else None
    if served is None:
        making.try_to(CHALLENGER, today)
    else:
        manifest, configuration = served
        # What is made now is made by the code of now, whichever made the champion.
        ours = TrainingConfiguration.of(configuration.params, today.git_commit)
        if ours.repeats(configuration) and manifest.as_of == making.as_of:
            making.versions[REFIT] = manifest.version
        else:
            making.try_to(REFIT, ours)
        if not today.same(configuration):
            making.try_to(CHALLENGER, today)
        if configuration.git_commit != today.git_commit:
            notes.append(
                f"the code changed from {configuration.git_commit} to {today.git_commit}: "
                "with the same parameters, a training configuration stays the same"
            )
    return Trained(
        day=day,
        champion=champion,
        versions=making.versions,
        failed=making.failed,
        notes=notes,
        configuration=today.id,
        git_commit=today.git_commit,
        params=today.params.model_dump(mode="json"),
    )


def make(
    store: Store, settings: Settings, configuration: TrainingConfiguration, as_of: datetime
) -> str:
    """The version of a configuration and a moment, and a record of its training if it was made."""
    if found := there(store, configuration, as_of):
        return found.version
    with tracked(settings, "train", configuration.params) as run:
        fitted = fit(store, configuration, as_of)
        describe(run, fitted.manifest, fitted.model)
    return fitted.manifest.version


@dataclass
class _Making:
    store: Store
    settings: Settings
    as_of: datetime
    versions: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def look_at(self, champion: str) -> tuple[ModelManifest, TrainingConfiguration] | None:
        """What the champion is; None when this code does not know."""
        try:
            manifest = read_manifest(self.store, champion)
            configuration = TrainingConfiguration.of_version(manifest)
        except ModelError as e:
            self.failed[SERVING] = str(e)
            return None
        self.versions[SERVING] = champion
        return manifest, configuration

    def try_to(self, system: str, configuration: TrainingConfiguration) -> None:
        """Make the model of a system, or keep why there is none."""
        try:
            self.versions[system] = make(self.store, self.settings, configuration, self.as_of)
        except (DataError, ModelError) as e:
            self.failed[system] = str(e)
