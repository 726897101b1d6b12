"""What the steps of the gate of a day tell each other: JSON in the store, whoever runs them."""

from datetime import date
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from newsrec_pipelines.errors import ConfigError, DataError
from newsrec_pipelines.models.artifacts import FOLDER
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

# The systems of a gate.
SERVING: Final = "champion"  # the version that serves
REFIT: Final = "refit"  # its training configuration, trained to the evening before the day
CHALLENGER: Final = "challenger"  # today's configuration, likewise, when it is another one
POPULARITY: Final = "popularity"  # what is read now: beside the first model


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    day: date

    @classmethod
    def load(cls, store: Store, day: date) -> Self | None:
        """What the step said of a day; None when it did not run.

        Raises:
            DataError: when the file is damaged.
        """
        key = f"{FOLDER}/gates/{day}/{cls.name}.json"
        if key not in store.keys(f"{FOLDER}/gates/{day}"):
            return None
        try:
            return cls.model_validate(store.read_json(key))
        except ValidationError as e:
            raise DataError(f"{key} in {store.url} is damaged: {e.errors()[0]['msg']}") from e

    def save(self, store: Store) -> None:
        """Write it whole."""
        store.write_json(f"{FOLDER}/gates/{self.day}/{self.name}.json", self.json_object())

    def json_object(self) -> dict[str, Any]:
        """As it is written."""
        return self.model_dump(mode="json")


class Trained(_Step):
    """Which models the day is to evaluate.

    Attributes:
        champion: the version that served when the gate began; None: the first model.
        versions: system -> version: `SERVING`, `REFIT`, `CHALLENGER`, as far as there are any.
        failed: system -> why there is none.
        notes: what a person should know, such as that the code changed.
        configuration: short name of the training configuration of today.
        git_commit: of the code.
        params: of today.
    """

    name: ClassVar[str] = "trained"

    champion: str | None
    versions: dict[str, str]
    failed: dict[str, str]
    notes: list[str]
    configuration: str
    git_commit: str
    params: dict[str, Any]

    def parsed(self) -> Params:
        """The parameters of today."""
        try:
            return Params.model_validate(self.params)
        except ValidationError as e:
            raise ConfigError(
                f"the gate of {self.day} began with other code: run newsrec gate train again"
            ) from e


class Estimate(BaseModel):
    """A value and its interval; there is none of a single reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float | None
    high: float | None
    lists: int


class Measured(BaseModel):
    """What a system was on the day.

    Attributes:
        version: of the model; None of popularity.
        coverage: share of the candidates among the first ten of anybody.
        megabytes: of the artefact.
        seconds: of one core for the slates of 1,000 readers; fewer readers count as 1,000.
        not_finite: scores that are no numbers.
        metrics: by name, the mean over readers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str | None
    coverage: float
    megabytes: float
    seconds: float
    not_finite: int
    metrics: dict[str, Estimate]


class Difference(BaseModel):
    """What one system's nDCG is above another's, by the same readers.

    Attributes:
        of: the system.
        above: the other one.
        all: over all readers.
        slices: of readers -> likewise.
        means: of the other one: ``all`` and the slices -> nDCG.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    above: str
    all: Estimate
    slices: dict[str, Estimate]
    means: dict[str, float]


class DayEvaluation(_Step):
    """How the models did on the day.

    Attributes:
        of: hash of what was evaluated: the `Trained` of the day.
        metric: that decides; None when there was nothing to evaluate by.
        missing: why there was nothing to evaluate by, or why dwell does not count.
        counts: what there was to evaluate by.
        measured: by system.
        differences: those that the rules ask for.
    """

    name: ClassVar[str] = "evaluated"

    of: str
    metric: str | None
    missing: str | None
    counts: dict[str, int]
    measured: dict[str, Measured]
    differences: list[Difference]

    def difference(self, of: str, above: str) -> Difference | None:
        """What `of` is above another system; None when one of them was not evaluated."""
        found = (d for d in self.differences if (d.of, d.above) == (of, above))
        return next(found, None)


class Guard(BaseModel):
    """One thing that a model must not break, however good its nDCG is.

    Attributes:
        name: such as ``coverage`` or ``region: africa``.
        value: what it is; None when there was nothing to measure.
        limit: what it may be at most.
        passed: whether it is kept.
        text: in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float | None
    limit: float
    passed: bool
    text: str


class Verdict(BaseModel):
    """What the rules say of one system.

    Attributes:
        system: `REFIT` or `CHALLENGER`.
        passed: whether it may serve.
        why: in words.
        guards: all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    passed: bool
    why: str
    guards: list[Guard]


class Decision(_Step):
    """What became of the day. When it is there, the gate of the day is done.

    Attributes:
        outcome: ``promoted`` or ``kept``.
        winner: the system whose training configuration won; None when the champion stays as it is.
        version: that serves from now on; None when there is none yet.
        before: that served when the gate began.
        why: in words.
        verdicts: the one that counts first.
    """

    name: ClassVar[str] = "decision"

    outcome: str
    winner: str | None
    version: str | None
    before: str | None
    why: str
    verdicts: list[Verdict]
