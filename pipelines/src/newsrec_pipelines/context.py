"""What the command line hands to every stage: its settings, parameters and files."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from newsrec_pipelines.parameters import Params
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.stage_metrics import StageMetrics
from newsrec_pipelines.store import Store


@dataclass(frozen=True)
class Context:
    """What the composition root hands to a stage's command (as ``click``'s ``obj``)."""

    settings: Settings
    params_file: Path
    metrics: StageMetrics = field(default_factory=StageMetrics)

    @cached_property
    def params(self) -> Params:
        """params.yaml, read when first needed."""
        return Params.load(self.params_file)

    @cached_property
    def store(self) -> Store:
        """The files below STORE_URL."""
        return Store(self.settings.store_url)
