"""A small world for all tests of this folder."""

from datetime import date
from pathlib import Path

import pytest

from newsrec_pipelines.parameters import DirtParams, WorldParams
from newsrec_pipelines.store import Store


@pytest.fixture
def params() -> WorldParams:
    return WorldParams(
        seed=3,
        start=date(2026, 3, 1),
        readers=400,
        articles_per_day=150,
        history_days=5,
        visits_per_day=2.0,
        dirt=DirtParams(late=0.02, too_late=0.005, too_late_days=3, repeated=0.01),
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store((tmp_path / "store").as_uri())
