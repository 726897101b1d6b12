from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import SLATE_SCHEMA
from newsrec_pipelines.models import ranker_training
from newsrec_pipelines.models.blend import COLUMNS
from newsrec_pipelines.models.news import NewsModel
from support.factories_models import (
    AS_OF,
    load_params,
    make_counters,
    make_read,
    make_reads,
    make_request,
    make_training_data,
    with_params,
    without_history,
)

DATA = make_training_data()
PARAMS = load_params()
MODEL = NewsModel.produce_model(DATA, PARAMS)
REQUEST = make_request(DATA, counters=make_counters({"a003": 30, "a010": 3}))
CATEGORY = dict(DATA.articles.select("article_id", "category").rows())


def places(slates: pl.DataFrame) -> pl.DataFrame:
    return slates.explode("article_ids", "scores", "propensities", "reasons").unnest("reasons")


def test_each_reader_gets_a_whole_slate_in_the_order_of_the_request() -> None:
    slates = MODEL.predict(REQUEST)
    assert slates.schema == SLATE_SCHEMA
    assert slates["user_id"].to_list() == REQUEST.users["user_id"].to_list()
    assert (slates["article_ids"].list.len() == PARAMS.slate.depth).all()
    assert places(slates)["propensities"].is_between(0, 1, closed="right").all()
    # All are unseen here: from the place where exploration begins, nothing is certain.
    certain = slates["propensities"].list.head(PARAMS.slate.explore_from - 1).explode()
    assert certain.eq(1.0).all()


def test_slates_hold_nothing_read_and_nothing_expired() -> None:
    old = make_request(DATA, hours=24 * 30)
    placed = places(MODEL.predict(old))
    read = placed.join(
        old.history, left_on=["user_id", "article_ids"], right_on=["user_id", "article_id"]
    )
    assert read.is_empty()
    age = placed.join(DATA.articles, left_on="article_ids", right_on="article_id")["published_at"]
    assert age.min() >= AS_OF - timedelta(hours=PARAMS.slate.max_age_hours)


def test_readers_get_mostly_what_they_like() -> None:
    top = MODEL.predict(REQUEST).with_columns(pl.col("article_ids").list.head(5))
    shares = [
        np.mean([CATEGORY[a] == chosen[0] for a in ids])
        for ids, chosen in zip(
            top["article_ids"], REQUEST.users["preferred_categories"], strict=True
        )
    ]
    assert np.mean(shares) > 0.8


def test_cold_readers_get_their_chosen_categories_first() -> None:
    slates = MODEL.predict(without_history(REQUEST))
    for ids, chosen in zip(
        slates["article_ids"], REQUEST.users["preferred_categories"], strict=True
    ):
        assert {CATEGORY[a] for a in ids[:10]} == {chosen[0]}


def test_slates_do_not_depend_on_how_readers_are_cut() -> None:
    whole = MODEL.predict(REQUEST)
    for readers, threads in ((5, 1), (5, 2), (100, 2)):
        blocks = MODEL.predict_blocks(REQUEST, readers, threads)
        assert pl.concat(block.slates for block in blocks).equals(whole)
    alone = REQUEST.users.filter(user_id="u07")
    history = REQUEST.history.filter(user_id="u07")
    assert MODEL.predict(replace(REQUEST, users=alone, history=history)).equals(
        whole.filter(user_id="u07")
    )


def test_the_same_data_and_seed_give_the_same_slates() -> None:
    again = NewsModel.produce_model(make_training_data(), PARAMS)
    assert again.predict(REQUEST).equals(MODEL.predict(REQUEST))


def test_a_request_without_candidates_or_readers_is_answered() -> None:
    nothing = MODEL.predict(replace(REQUEST, articles=REQUEST.articles.clear()))
    assert nothing["article_ids"].to_list() == [[]] * REQUEST.users.height
    nobody = MODEL.predict(replace(REQUEST, users=REQUEST.users.clear()))
    assert nobody.schema == SLATE_SCHEMA
    assert nobody.is_empty()


def test_reasons_name_what_she_read_what_she_follows_and_what_is_much_read() -> None:
    history = make_reads([make_read("u00", "a120"), make_read("u00", "a124", 1.0)])
    choices = pl.Series([["climate"], ["football"], []], dtype=pl.List(pl.String))
    users = REQUEST.users.filter(pl.col("user_id").is_in(["u00", "u01", "u03"])).with_columns(
        preferred_categories=choices
    )
    request = replace(REQUEST, users=users, history=history, articles=REQUEST.articles.head(16))
    placed = places(MODEL.predict(request))
    title = DATA.articles.filter(article_id="a120")["title"].item()
    hers = placed.filter(user_id="u00", code="because_you_read")
    assert hers.height > 0
    # Not the one she left after a second.
    assert hers["text"].unique().to_list() == [f"Because you read “{title}”"]
    cold = placed.filter(user_id="u01")
    assert "New in Football, which you follow" in cold["text"].to_list()
    popular = placed.filter(pl.col("article_ids").is_in(["a003", "a010"]), user_id="u03")
    assert popular["text"].unique().to_list() == ["Much read in Latin America now"]


def test_everything_can_be_trained_on_next_to_nothing() -> None:
    tiny = replace(
        DATA, reads=DATA.reads.head(1), examples=DATA.examples.clear(), users=DATA.users.head(1)
    )
    model = NewsModel.produce_model(tiny, PARAMS)
    slates = model.predict(make_request(tiny))
    assert slates["article_ids"].list.len().to_list() == [PARAMS.slate.depth]
    assert model.metrics["clicked"] is None
    assert model.ranker.trees == 0


def test_data_without_texts_dwell_categories_and_languages_makes_slates() -> None:
    bare = make_training_data(dwell=False)
    unknown = {"category": pl.lit("unknown"), "language": pl.lit("unknown")}
    articles = bare.articles.with_columns(title="article_id", abstract=None, **unknown)
    users = bare.users.with_columns(preferred_categories=pl.lit([], pl.List(pl.String)))
    data = replace(bare, articles=articles, users=users)
    slates = NewsModel.produce_model(data, PARAMS).predict(make_request(data))
    assert (slates["article_ids"].list.len() == PARAMS.slate.depth).all()
    assert "because_you_read" not in places(slates)["code"].to_list()


def test_values_that_are_not_finite_make_no_model() -> None:
    bad = DATA.examples.with_columns(ctr_24h=pl.lit(float("nan")))
    with pytest.raises(ModelError, match="no finite"):
        NewsModel.produce_model(replace(DATA, examples=bad), PARAMS)


def test_a_training_starts_from_the_factors_of_an_earlier_model() -> None:
    before = ranker_training.before(DATA, AS_OF - timedelta(days=1))
    earlier = NewsModel.produce_model(before, PARAMS)
    params = with_params(als={"warm_epochs": 1})
    warm, cold = (NewsModel.produce_model(DATA, params, start) for start in (earlier, None))
    assert not np.array_equal(warm.scorers.als.factors, cold.scorers.als.factors)
    assert (warm.predict(REQUEST)["article_ids"].list.len() == PARAMS.slate.depth).all()


def test_what_led_to_each_place_is_kept() -> None:
    blocks = list(MODEL.predict_blocks(REQUEST, readers_per_block=7))
    placed = pl.concat(block.placed for block in blocks)
    slates = pl.concat(block.slates for block in blocks)
    assert slates.equals(MODEL.predict(REQUEST))
    lists = placed.group_by("user_id", maintain_order=True).agg("article_id", "place")
    assert lists["article_id"].to_list() == slates["article_ids"].to_list()
    assert lists["place"][0].to_list() == list(range(1, PARAMS.slate.depth + 1))
    assert (placed["sources"].list.len() > 0).all()
    # The score is what the ranker gives to the very columns that are kept.
    columns = placed.select(COLUMNS).to_numpy()
    assert np.array_equal(MODEL.ranker.score(columns), placed["score"].to_numpy())
    shares = MODEL.ranker.contributions(columns[:20])
    assert shares.sum(axis=1) == pytest.approx(placed["score"][:20].to_numpy(), abs=1e-6)
    assert sum(block.candidates for block in blocks) > placed.height


def test_similar_articles_are_of_the_same_topic_and_never_the_article_itself() -> None:
    similar = MODEL.similar(REQUEST.articles, 5)
    for article, others, scores in similar.iter_rows():
        assert article not in others
        assert {CATEGORY[o] for o in others} == {CATEGORY[article]}
        assert scores == sorted(scores, reverse=True)
    assert MODEL.similar(REQUEST.articles.clear(), 5).schema == similar.schema


def test_similar_articles_are_in_the_same_language() -> None:
    articles = REQUEST.articles.head(8).with_columns(language=pl.Series(["en"] * 4 + ["es"] * 4))
    language = dict(articles.select("article_id", "language").iter_rows())
    for article, others, _ in MODEL.similar(articles, 5).iter_rows():
        # The nearest by far, the only one of the same category, is in the other language.
        assert {language[other] for other in others} <= {language[article]}
