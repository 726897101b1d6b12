"""The tracker that belongs to a name: the one module that knows both of them."""

from newsrec_pipelines.settings import Settings
from newsrec_pipelines.tracking.tracker import Tracker


def connect(name: str, settings: Settings) -> Tracker:
    """The tracker of that name; it takes ten seconds to import."""
    if name == "mlflow":
        from newsrec_pipelines.tracking.mlflow_tracker import MlflowTracker

        return MlflowTracker(settings.tracking.mlflow_uri, settings.tracking.mlflow_artifacts)
    from newsrec_pipelines.tracking.neptune_tracker import NeptuneTracker

    return NeptuneTracker(
        settings.tracking.neptune_project, settings.tracking.neptune_token, settings.var / "neptune"
    )
