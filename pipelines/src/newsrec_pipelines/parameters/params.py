"""All parameters: the whole of params.yaml."""

from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.parameters.data import EtlParams, FeatureParams, WorldParams
from newsrec_pipelines.parameters.files import read_parameters
from newsrec_pipelines.parameters.models import (
    AlsParams,
    CandidateParams,
    ContentParams,
    CoReadParams,
    PopularityParams,
    RankerParams,
    TrainingParams,
)
from newsrec_pipelines.parameters.quality import BacktestParams, MonitoringParams, PromotionParams
from newsrec_pipelines.parameters.section import Section
from newsrec_pipelines.parameters.serving import SlateParams, VariantParams
from newsrec_pipelines.parameters.wrong_entry import describe

OfKind = TypeVar("OfKind", bound=BaseModel)


class Params(Section):
    """Everything that changes a result: the whole of params.yaml."""

    model: str = "news"  # the kind that is trained; see models/kinds
    # Of other kinds, by their names; each kind checks its own section.
    kinds: dict[str, dict[str, Any]] = Field(default_factory=dict)
    world: WorldParams
    etl: EtlParams
    features: FeatureParams
    popularity: PopularityParams
    als: AlsParams
    content: ContentParams
    coread: CoReadParams = CoReadParams()
    candidates: CandidateParams = CandidateParams()
    ranker: RankerParams
    training: TrainingParams
    slate: SlateParams
    backtest: BacktestParams = BacktestParams()
    monitoring: MonitoringParams = MonitoringParams()
    variants: VariantParams = VariantParams()
    promotion: PromotionParams = PromotionParams()

    def of_kind(self, name: str, section: type[OfKind]) -> OfKind:
        """What `kinds` says of a kind of model.

        Args:
            name: of the kind.
            section: what may stand there, with its defaults.

        Raises:
            ConfigError: naming the first wrong entry.
        """
        try:
            return section.model_validate(self.kinds.get(name, {}))
        except ValidationError as e:
            raise ConfigError(describe(e, section, ("kinds", name))) from e

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read params.yaml, or a file that says which one it `extends` and what it changes.

        Raises:
            ConfigError: naming the file and the first wrong entry.
        """
        content = read_parameters(path)
        try:
            return cls.model_validate(content)
        except ValidationError as e:
            raise ConfigError(f"{path}: {describe(e, cls)}") from e
