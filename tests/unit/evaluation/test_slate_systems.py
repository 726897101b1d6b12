import numpy as np
import polars as pl

from newsrec_pipelines.evaluation.ablation import not_counters, parts
from newsrec_pipelines.evaluation.descriptions import SYSTEMS
from newsrec_pipelines.evaluation.evaluated_lists import Part
from newsrec_pipelines.evaluation.lists import evaluate_lists
from newsrec_pipelines.evaluation.slate_systems import SlateSystems
from newsrec_pipelines.evaluation.walk import Made
from newsrec_pipelines.models.blend import SCORERS, SOURCES, column_groups, used_columns
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.ranker_training import ranker_training_sets
from support.factories_models import (
    make_counters,
    make_request,
    make_training_data,
    with_params,
)

DATA = make_training_data()
PARAMS = with_params(ranker={"trees": 20, "threads": 1})
TRAINING_SET, SCORERS_BEFORE = next(iter(ranker_training_sets(DATA, PARAMS)))
MADE = Made(DATA, SCORERS_BEFORE, (TRAINING_SET,), PARAMS)
RANKERS = {
    "news": MADE.ranker(),
    "news_by_clicks": MADE.ranker(by_clicks=True),
    "counters": MADE.ranker(off=not_counters(), by_clicks=True),
}
MODEL = MADE.model(RANKERS["news"])
REQUEST = make_request(DATA, counters=make_counters({"a003": 30, "a010": 3}))


def slates(without: dict[Part, object] | None = None) -> dict[str | Part, pl.DataFrame]:
    return SlateSystems(REQUEST, MODEL, PARAMS).slates(RANKERS, without or {})


def test_our_slates_are_those_of_the_model_that_serves() -> None:
    served = MODEL.predict(REQUEST).select("user_id", "article_ids")
    assert slates()["news"].equals(served)


def test_every_system_fills_the_slates_of_all_readers_by_the_same_rules() -> None:
    made = slates()
    assert set(made) == set(SYSTEMS)
    read = set(DATA.reads.select("user_id", "article_id").rows())
    for found in made.values():
        assert found["user_id"].to_list() == REQUEST.users["user_id"].to_list()
        assert (found["article_ids"].list.len() == PARAMS.slate.depth).all()
        assert not read & set(found.explode("article_ids").rows())


def test_slates_do_not_depend_on_how_many_readers_are_held_at_once(monkeypatch: object) -> None:
    whole = slates()
    monkeypatch.setattr("newsrec_pipelines.evaluation.slate_systems._READERS", 7)
    parts_of = slates()
    assert all(parts_of[system].equals(whole[system]) for system in whole)


def test_without_a_source_its_own_finds_are_gone() -> None:
    # Without any but the newest, slates are of the newest only.
    params = with_params(
        ranker={"trees": 20, "threads": 1},
        candidates={"als": 0, "content": 0, "coread": 0, "popularity": 5},
        slate={"exploration": 0.0},
    )
    model = NewsModel(SCORERS_BEFORE, RANKERS["news"], params, {})
    part = Part("source", "fresh")
    made = SlateSystems(REQUEST, model, params).slates(RANKERS, {part: RANKERS["news"]})
    assert (made[part]["article_ids"].list.len() <= 5).all()
    assert set(made[part]["article_ids"].explode()) <= {"a003", "a010"}


def test_every_part_is_left_out_once_and_what_is_off_already_is_no_part() -> None:
    found = parts(PARAMS)
    assert len(set(found)) == len(found)
    assert {p.name for p in found if p.kind == "source"} == set(SOURCES)
    assert {p.name for p in found if p.kind == "scorer"} == set(SCORERS)
    assert {p.name for p in found if p.kind != "source"} == set(column_groups())
    fewer = parts(with_params(candidates={"als": 0}, ranker={"off": ["exposure_history"]}))
    assert set(found) - set(fewer) == {Part("source", "als"), Part("features", "exposure_history")}


def test_the_plain_model_sees_counters_freshness_and_exposure_history_only() -> None:
    seen = set(used_columns(not_counters()))
    assert {"clicks_10m", "clicks_30d", "exposures_1h", "age_hours", "clicks_3h_rank"} <= seen
    assert {"exposures_to_reader", "exposures_24h_share"} <= seen
    assert not seen & {"als", "content_rank", "dwell_24h", "user_reads", "category_affinity"}


def test_lists_are_judged_by_every_system_and_cold_ones_are_known() -> None:
    part = Part("scorer", "als")
    found = evaluate_lists(
        TRAINING_SET, RANKERS, {part: MADE.ranker(off=("als",))}, REQUEST, PARAMS
    )
    assert set(found.values) == set(SYSTEMS)
    assert set(found.without) == {part}
    assert all(len(v) == found.lists.height > 20 for v in found.values.values())
    # There are no counters: nobody had clicked anything.
    assert found.lists["cold_article"].all()
    assert not found.lists["cold_reader"].all()
    auc = found.values["news"][:, 0]
    assert np.mean(auc) > 0.7 > 0.5 == np.mean(found.values["random"][:, 0])
