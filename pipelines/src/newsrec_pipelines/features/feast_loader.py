"""Imports Feast when it is needed: it takes seconds and changes the process's environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

# Feast makes a folder for Prometheus and names it here, for its own server. Programs that we start
# would inherit it, and the metrics of this process would go into files there.
_PROMETHEUS = ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR")


def load() -> ModuleType:
    """The module `features.feast_store`, leaving the environment as it was."""
    with _environment(), _unchecked():
        from newsrec_pipelines.features import feast_store
    return feast_store


@contextmanager
def _environment() -> Iterator[None]:
    import prometheus_client  # noqa: F401 - decides at its import where metrics are kept

    before = {name: os.environ.get(name) for name in _PROMETHEUS}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _unchecked() -> Iterator[None]:
    """Without typeguard, which rewrites Feast's classes at import: more than half of its time."""
    import typeguard

    checked = typeguard.typechecked

    def unchecked(target: Any = None, **_: Any) -> Any:
        return target if target is not None else unchecked

    typeguard.typechecked = unchecked
    try:
        yield
    finally:
        typeguard.typechecked = checked
