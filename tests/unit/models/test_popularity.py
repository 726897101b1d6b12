from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.features.pairs import pair_features
from newsrec_pipelines.models.popularity import Popularity, current_popularity, popularity
from newsrec_pipelines.models.request_rows import RequestRows
from support.bound_scorers import check_bound_scorer, every_pair
from support.factories_models import (
    load_params,
    make_counters,
    make_request,
    make_training_data,
)

DATA = make_training_data()
PARAMS = load_params()


def windows(**values: float) -> pl.DataFrame:
    return pl.DataFrame({"clicks_1h": 0.0, "clicks_3h": 0.0, "clicks_24h": 0.0} | values)


def test_popularity_is_the_decayed_sum_of_the_windows_increments() -> None:
    row = windows(clicks_1h=2.0, clicks_3h=5.0, clicks_24h=9.0, mean_dwell_24h=30.0)
    value = row.select(popularity(PARAMS)).item()
    half_life = PARAMS.popularity.half_life_hours
    decayed = sum(n * 2 ** (-age / half_life) for n, age in ((2, 0.5), (3, 2.0), (4, 13.5)))
    assert value == pytest.approx(decayed * (0.1 + 0.9 * 0.5))


def test_clickbait_is_less_popular_than_what_is_read_to_the_end() -> None:
    both = pl.concat(
        [
            windows(clicks_1h=10.0, clicks_3h=10.0, clicks_24h=10.0, mean_dwell_24h=5.0),
            windows(clicks_1h=5.0, clicks_3h=5.0, clicks_24h=5.0, mean_dwell_24h=60.0),
        ]
    )
    clickbait, read = both.select(popularity(PARAMS)).to_series()
    assert clickbait < read


def test_a_silent_article_is_not_popular_for_ever() -> None:
    counters = make_counters({"a003": 30})
    now = make_request(DATA, counters=counters)
    values = [
        current_popularity(replace(now, as_of=now.as_of + timedelta(hours=h)), PARAMS)[3]
        for h in (0, 2, 5, 25)
    ]
    assert values[0] > values[1] > values[2] > values[3] == 0.0


def test_scoring_and_examples_agree_on_how_popular_an_article_is() -> None:
    scorer = Popularity.fit(DATA, PARAMS)
    request = make_request(DATA, counters=make_counters({"a003": 30, "a007": 2}))
    served = every_pair(scorer.at(RequestRows(request)), request)
    pairs = request.users.select("user_id").join(
        request.articles.select("article_id", "category"), how="cross"
    )
    features = pair_features(
        pairs.with_columns(asked_at=pl.lit(request.as_of)),
        request.features,
        request.articles,
        request.users,
        PARAMS,
    )
    region = pairs.join(request.users, on="user_id", maintain_order="left")["region"]
    fitted = scorer.pair_scores(features, region, pairs["category"])
    np.testing.assert_allclose(fitted, served.ravel(), rtol=1e-6)


def test_a_region_prefers_the_categories_it_reads() -> None:
    users = DATA.users.with_columns(
        region=pl.when(pl.col("preferred_categories").list.first() == "climate")
        .then(pl.lit("africa"))
        .otherwise(pl.lit("latin_america"))
    )
    scorer = Popularity.fit(replace(DATA, users=users), PARAMS)
    request = replace(
        make_request(DATA, users=users, counters=make_counters({"a004": 9, "a005": 9})),
    )
    scores = every_pair(scorer.at(RequestRows(request)), request)
    assert scores[0, 4] > scores[0, 5]  # climate before football in Africa
    assert scores[1, 4] < scores[1, 5]


def test_readers_of_unknown_region_get_what_is_popular_everywhere() -> None:
    scorer = Popularity.fit(DATA, PARAMS)
    users = DATA.users.with_columns(region=pl.lit("unknown"))
    request = make_request(DATA, users=users, counters=make_counters({"a004": 9}))
    scores = every_pair(scorer.at(RequestRows(request)), request)
    expected = np.log1p(current_popularity(request, PARAMS).to_numpy())
    np.testing.assert_allclose(scores[0], expected, rtol=1e-6)


def test_the_best_are_what_the_region_reads_and_none_that_nobody_reads() -> None:
    scorer = Popularity.fit(DATA, PARAMS)
    request = make_request(
        DATA, history=DATA.reads.clear(), counters=make_counters({"a004": 9, "a005": 20})
    )
    best = scorer.at(RequestRows(request)).best(np.array([3, 1]), 5)
    assert best.user_row.tolist() == [3, 3, 1, 1]
    assert best.article_row.tolist() == [5, 4, 5, 4]


def test_bound_scorers_keep_the_laws() -> None:
    counters = make_counters({f"a{n:03d}": 1 + n % 17 for n in range(90)})
    rows = RequestRows(make_request(DATA, counters=counters))
    check_bound_scorer(Popularity.fit(DATA, PARAMS).at(rows), rows)


def test_popularity_without_any_read_or_counter_is_zero() -> None:
    scorer = Popularity.fit(replace(DATA, reads=DATA.reads.clear()), PARAMS)
    request = make_request(DATA)
    assert not (every_pair(scorer.at(RequestRows(request)), request)).any()


def test_popularity_survives_its_own_state() -> None:
    scorer = Popularity.fit(DATA, PARAMS)
    again = Popularity.from_state(scorer.state(), PARAMS)
    request = make_request(DATA, counters=make_counters({"a004": 9}))
    np.testing.assert_array_equal(
        every_pair(again.at(RequestRows(request)), request),
        every_pair(scorer.at(RequestRows(request)), request),
    )
