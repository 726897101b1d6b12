"""Imports Feast when it is needed: it takes seconds and changes the process's environment."""

import os
from types import ModuleType

# Feast makes a folder for Prometheus and names it here, for its own server. Programs that we start
# would inherit it, and the metrics of this process would go into files there.
_PROMETHEUS = ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR")


def load() -> ModuleType:
    """The module `features.feast_store`, leaving the environment as it was."""
    import prometheus_client  # noqa: F401 - decides at its import where metrics are kept

    before = {name: os.environ.get(name) for name in _PROMETHEUS}
    try:
        from newsrec_pipelines.features import feast_store
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return feast_store
