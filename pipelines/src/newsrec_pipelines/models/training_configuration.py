"""How a model is made, whatever the day: its kind and those parameters that make it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import ValidationError

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.artifacts import ModelManifest
from newsrec_pipelines.parameters import Params

# Sections that make no model. Whatever is not named here does, also what comes later.
_ELSEWHERE: Final = ("world", "etl", "backtest", "monitoring", "variants", "promotion")
# How long things are kept.
_KEEPING: Final = (
    ("training", "keep_versions"),
    ("training", "keep_snapshot"),
    ("slate", "keep_runs"),
)


def making(params: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the model, of parameters as manifests have them."""
    values = {name: value for name, value in params.items() if name not in _ELSEWHERE}
    values["kinds"] = params.get("kinds", {}).get(params.get("model"))
    for section, name in _KEEPING:
        if section in values:
            values[section] = {k: v for k, v in values[section].items() if k != name}
    return values


@dataclass(frozen=True)
class TrainingConfiguration:
    """Two models of one configuration differ by their days and by the code that followed it.

    Attributes:
        params: all parameters; only some of them make the model.
        git_commit: of the code, ``unknown`` where nobody said.
        made: SHA-256 of the parameters that make it.
    """

    params: Params
    git_commit: str
    made: str

    @classmethod
    def of(cls, params: Params, git_commit: str) -> Self:
        """The training configuration of the parameters of today."""
        content = json.dumps(making(params.model_dump(mode="json")), sort_keys=True)
        return cls(params, git_commit, hashlib.sha256(content.encode()).hexdigest())

    @classmethod
    def of_version(cls, manifest: ModelManifest) -> Self:
        """The configuration that made a version; parameters that came later have their defaults.

        Raises:
            ModelError: when this code does not know its parameters any more.
        """
        try:
            return cls.of(Params.model_validate(manifest.params), manifest.git_commit)
        except ValidationError as e:
            raise ModelError(
                f"model {manifest.version} was made with parameters that this code does not know"
            ) from e

    @property
    def id(self) -> str:
        """A short name: the same parameters and the same code have the same one."""
        content = f"{self.made} {self.git_commit}"
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def same(self, other: Self) -> bool:
        """Whether the parameters are the same; the code that follows them may differ."""
        return self.made == other.made

    def repeats(self, other: Self) -> bool:
        """Whether parameters and code are known to be the same: the same data gives the same."""
        return self.same(other) and self.git_commit == other.git_commit != "unknown"
