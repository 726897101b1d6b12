"""When the gate leaves the champion alone, whatever the day says; promotions need a real model."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsrec_pipelines.gate.decide import cause, decide
from newsrec_pipelines.gate.evaluation import evaluate_systems
from newsrec_pipelines.gate.steps import Decision
from newsrec_pipelines.models.registry import LOG, FileRegistry
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from support.factories_models import load_params
from support.gates import Written, make_day, system, trained
from support.models import make_version

MADE = trained("champion", "refit")
NEXT_DAY = datetime(2026, 3, 7, tzinfo=UTC)  # the gate's day is over


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


def decided(store: Store, refit_place: int = 1, readers: int = 40) -> Decision:
    systems = {
        "champion": system(Written(lambda n: 2)),
        "refit": system(Written(lambda n: refit_place)),
    }
    evaluated = evaluate_systems(make_day(readers=readers), systems, load_params(), "")
    return decide(store, Settings.from_env(os.environ), MADE, evaluated, load_params())


def serve(store: Store, version: str, as_of: datetime = NEXT_DAY) -> None:
    make_version(store, version, as_of)
    FileRegistry(store).promote(version, by="ana", why="")


def test_when_nothing_passes_the_champion_stays_and_the_reason_is_told(store: Store) -> None:
    serve(store, "v-champion", datetime(2026, 3, 6, tzinfo=UTC))
    found = decided(store, refit_place=9)
    assert (found.outcome, found.winner, found.version) == ("kept", None, "v-champion")
    assert "the same configuration may lose" in found.why


def test_a_day_with_nothing_to_judge_by_trains_nothing(store: Store) -> None:
    serve(store, "v-champion", datetime(2026, 3, 6, tzinfo=UTC))
    before = store.keys("models")
    found = decided(store, readers=0)
    assert (found.outcome, found.version) == ("kept", "v-champion")
    assert "no reader known before" in found.why
    assert store.keys("models") == before


def test_who_became_champion_meanwhile_stays(store: Store) -> None:
    serve(store, "v-champion")
    serve(store, "v-other")
    found = decided(store)
    assert found.outcome == "kept"
    assert "v-other became champion meanwhile" in found.why
    assert FileRegistry(store).champion() == "v-other"


@pytest.mark.parametrize("as_of", [NEXT_DAY, datetime(2026, 3, 9, tzinfo=UTC)])
def test_a_champion_that_knows_as_much_is_not_replaced(store: Store, as_of: datetime) -> None:
    serve(store, "v-champion", as_of)
    found = decided(store)
    assert found.outcome == "kept"
    assert f"{as_of:%Y-%m-%d} 00:00 UTC already" in found.why


def test_a_gate_that_has_promoted_tells_what_it_did(store: Store) -> None:
    serve(store, "v-champion")
    make_version(store, "v-next")
    registry = FileRegistry(store)
    registry.promote("v-next", by="gate", why="not worse", cause=cause(MADE))
    registry.rollback(by="ana", why="strange")
    before = store.keys(LOG)
    found = decided(store)
    assert (found.outcome, found.winner, found.version) == ("promoted", "refit", "v-next")
    # What a person did later stays.
    assert registry.champion() == "v-champion"
    assert store.keys(LOG) == before
