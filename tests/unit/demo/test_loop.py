"""The loop's steps come in the order of the flow, and each day builds on the one before."""

from datetime import date
from pathlib import Path

import pytest

from newsrec_pipelines.demo import loop
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.settings import Settings


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    world = Params.load(Path("params.yaml")).world
    world = world.model_copy(update={"start": date(2026, 3, 1), "history_days": 5})
    settings = Settings.from_env({"NEWSREC_VAR": str(tmp_path)})
    return [step.name for step in loop.steps(settings, world, 8000)]


def test_names_are_unique_since_they_are_remembered(names: list[str]) -> None:
    assert len(names) == len(set(names))


def test_two_days_follow_the_history(names: list[str]) -> None:
    assert names[:2] == ["simulate", "etl"]
    assert [n for n in names if n.startswith("react")] == ["react 2026-03-06", "react 2026-03-07"]
    assert names[-1] == "recommend 2026-03-08"


def test_events_of_a_day_come_back_before_the_next_slates(names: list[str]) -> None:
    order = ["react 2026-03-06", "export 2026-03-06", "etl 2026-03-06", "train 2026-03-07"]
    positions = [names.index(n) for n in (*order, "recommend 2026-03-07")]
    assert positions == sorted(positions)


def test_a_model_is_judged_on_a_day_before_it_learns_from_it(names: list[str]) -> None:
    assert names.index("evaluate 2026-03-06") < names.index("train 2026-03-07")
