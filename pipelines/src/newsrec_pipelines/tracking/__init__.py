"""Records of trainings, for people who look them up later."""

from newsrec_pipelines.tracking.run import Run, tracked
from newsrec_pipelines.tracking.sending import registry_changed

__all__ = ["Run", "registry_changed", "tracked"]
