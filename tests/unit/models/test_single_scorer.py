"""A model of one scorer keeps the rules of slates, and tells how its scores come about."""

import math
from typing import Any, Self

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import TrainingData
from newsrec_pipelines.models.baselines import ByArticle
from newsrec_pipelines.models.protocols import State
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.single_scorer import SingleScorerModel
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.scoring import slates
from newsrec_pipelines.store import Store
from support.factories_models import load_params, make_request, make_training_data, with_params

DATA = make_training_data(users=8, articles=120)


class LongTitles:
    """Likes long titles of articles that were read."""

    name = "long_titles"

    def __init__(self, read: list[str]) -> None:
        self.read = read

    @classmethod
    def fit(cls, data: TrainingData, params: Params, previous: Self | None = None) -> Self:
        return cls(data.reads["article_id"].unique().sort().to_list())

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        return cls(state["read"])

    def state(self) -> dict[str, Any]:
        return {"read": self.read}

    def at(self, request: RequestRows) -> ByArticle:
        articles = request.request.articles
        length = articles["title"].str.len_chars() * articles["article_id"].is_in(self.read)
        return ByArticle(length.to_numpy().astype(np.float64), request)


class LongTitlesModel(SingleScorerModel):
    name = "long_titles"
    scorer = LongTitles


class OtherModel(SingleScorerModel):
    name = "other"
    scorer = LongTitles


MODEL = LongTitlesModel.produce_model(DATA, load_params())


def test_its_slates_break_no_rule_of_publishing() -> None:
    (made,) = slates.predict(MODEL, make_request(DATA), depth=10, readers_per_block=100)
    assert made.readers == made.slates.height == 8
    assert (made.slates["article_ids"].list.len() == 10).all()


def test_the_best_by_the_scorer_come_first_and_the_newest_of_equals() -> None:
    params = with_params(slate={"exploration": 0.0, "diversity": 0.0, "max_per_publisher": 20})
    request = make_request(DATA, history=DATA.reads.clear())
    request.users.replace_column(3, pl.Series("preferred_categories", [[]] * 8, pl.List(pl.String)))
    ranked = (
        request.articles.with_columns(
            length=pl.col("title").str.len_chars() * pl.col("article_id").is_in(MODEL.learnt.read)
        )
        .sort("length", "published_at", descending=True)["article_id"]
        .head(20)
        .to_list()
    )
    model = LongTitlesModel.produce_model(DATA, params)
    assert {tuple(ids) for ids in model.predict(request)["article_ids"]} == {tuple(ranked)}


def test_the_columns_that_are_kept_add_up_to_the_score() -> None:
    (block,) = MODEL.predict_blocks(make_request(DATA))
    columns = block.placed.select(MODEL.ranker.names).to_numpy()
    for shares, score in zip(
        MODEL.ranker.contributions(columns).sum(axis=1), block.placed["score"], strict=True
    ):
        assert math.isclose(shares, score, rel_tol=1e-6, abs_tol=1e-6)
    found = block.placed.filter(pl.col("long_titles") > 0)["sources"].explode()
    assert set(found) == {"long_titles"}


def test_its_neighbours_are_of_the_same_content() -> None:
    category = dict(DATA.articles.select("article_id", "category").iter_rows())
    near = MODEL.similar(DATA.articles, 3)
    assert near["article_id"].equals(DATA.articles["article_id"])
    pairs = near.explode("article_ids").drop_nulls()
    assert pairs.height > 100
    assert all(category[a] == category[b] for a, b, _ in pairs.iter_rows())


def test_it_is_loaded_as_its_own_kind_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(tmp_path_factory.mktemp("store").as_uri())
    version = MODEL.save(store, DATA, "abc").version
    assert LongTitlesModel.load(store, version).learnt.read == MODEL.learnt.read
    with pytest.raises(ModelError, match="is a long_titles model, not a other model"):
        OtherModel.load(store, version)
    key = f"models/{version}/manifest.json"
    store.write_json(key, store.read_json(key) | {"params": {}})
    with pytest.raises(ModelError, match="made by other code"):
        LongTitlesModel.load(store, version)
