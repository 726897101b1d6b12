"""Parameters: what changes a result, from YAML (params.yaml)."""

from newsrec_pipelines.parameters.data import DirtParams, EtlParams, FeatureParams, WorldParams
from newsrec_pipelines.parameters.models import (
    AlsParams,
    CandidateParams,
    ContentParams,
    CoReadParams,
    PopularityParams,
    RankerParams,
    TrainingParams,
)
from newsrec_pipelines.parameters.params import Params
from newsrec_pipelines.parameters.quality import (
    BacktestParams,
    CheckParams,
    DriftParams,
    MonitoringParams,
    PromotionParams,
)
from newsrec_pipelines.parameters.serving import SlateParams, VariantParams

__all__ = [
    "AlsParams",
    "BacktestParams",
    "CandidateParams",
    "CheckParams",
    "CoReadParams",
    "ContentParams",
    "DirtParams",
    "DriftParams",
    "EtlParams",
    "FeatureParams",
    "MonitoringParams",
    "Params",
    "PopularityParams",
    "PromotionParams",
    "RankerParams",
    "SlateParams",
    "TrainingParams",
    "VariantParams",
    "WorldParams",
]
