"""Pair features by hand, and what a pair gets of which nothing is known."""

from datetime import datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from newsrec_pipelines.features.pairs import GROUPS, PAIR_FEATURES, pair_features
from newsrec_pipelines.features.raw import KEYS, schema
from newsrec_pipelines.features.types import FeatureRows
from newsrec_pipelines.parameters import Params
from support.feature_events import at, frame
from support.postgres import REPOSITORY

PARAMS = Params.load(REPOSITORY / "params.yaml")
ASKED = pl.Datetime("us", "UTC")
NOTHING = FeatureRows(*(pl.DataFrame(schema=schema(v, stamped=False)) for v in KEYS))


def pairs(*rows: tuple[str, str, datetime]) -> pl.DataFrame:
    columns = {"user_id": pl.String, "article_id": pl.String, "asked_at": ASKED}
    return pl.DataFrame(list(rows), schema=columns, orient="row")


ARTICLES = frame(
    "articles",
    [
        {"article_id": "a", "published_at": at(8)},
        {"article_id": "b", "published_at": at(9), "category": "politics", "language": "es"},
    ],
)
USERS = frame(
    "users", [{"user_id": "u1", "joined_at": at(0), "preferred_categories": ["sport", "tech"]}]
)


def rows(view: str, **values: object) -> pl.DataFrame:
    columns = schema(view, stamped=False)
    return pl.DataFrame([dict.fromkeys(columns) | values], schema=columns)


def features(asked: pl.DataFrame, **raw: pl.DataFrame) -> pl.DataFrame:
    return pair_features(asked, NOTHING._replace(**raw), ARTICLES, USERS, PARAMS)


def test_pairs_of_which_nothing_is_known_get_the_defaults() -> None:
    got = features(pairs(("nobody", "nothing", at(10)))).row(0, named=True)
    expected = dict.fromkeys(PAIR_FEATURES, 0.0) | {
        "age_hours": 168.0,
        "hours_since_last_read": 720.0,
        **dict.fromkeys(GROUPS["ctr"], 1 / 20),
        "hours_since_exposure": 24.0 * PARAMS.features.exposure_history_days,
        "hour_of_day": 10.0,
        "day_of_week": 1.0,
        "region": -1.0,
    }
    assert {name: got[name] for name in PAIR_FEATURES} == pytest.approx(expected)


def test_pairs_keep_their_order_and_their_other_columns() -> None:
    asked = pairs(
        ("u1", "b", at(10)), ("u1", "a", at(12)), ("x", "a", at(9)), ("u1", "b", at(10))
    ).with_columns(label=pl.Series([1, 2, 3, 4]))
    got = features(asked)
    assert_frame_equal(got.select(asked.columns), asked)
    assert got.columns == [*asked.columns, *PAIR_FEATURES]
    assert got["age_hours"].to_list() == [1.0, 4.0, 1.0, 1.0]
    assert got["preferred_category"].to_list() == [0.0, 1.0, 0.0, 0.0]
    assert got["language_match"].to_list() == [0.0, 1.0, 0.0, 0.0]


def test_no_pairs_give_no_rows_with_all_columns() -> None:
    assert features(pairs()).columns == [
        "user_id",
        "article_id",
        "asked_at",
        *PAIR_FEATURES,
    ]


def test_rates_and_means_start_from_their_priors() -> None:
    article = rows(
        "article",
        article_id="a",
        stamped_at=at(10),
        clicks_coarse=[0] * 23 + [4],
        exposures_coarse=[0] * 23 + [30],
        dwell_coarse=[0.0] * 23 + [90.0],
        reads_coarse=[0] * 23 + [2],
        clicks_fine=[0] * 17 + [4],
        exposures_fine=[0] * 17 + [30],
    )
    got = features(pairs(("u1", "a", at(10))), article=article).row(0, named=True)
    assert got["ctr_24h"] == pytest.approx(5 / 50)
    assert got["mean_dwell_24h"] == pytest.approx(90 / 3)
    assert (got["clicks_1h"], got["exposures_3h"], got["dwell_24h"]) == (4.0, 30.0, 90.0)


def test_clicks_without_impressions_are_no_rate_above_one() -> None:
    article = rows("article", article_id="a", stamped_at=at(10), clicks_coarse=[9] * 24)
    got = features(pairs(("u1", "a", at(10))), article=article)
    assert got["ctr_24h"].to_list() == [1.0]


def test_sums_of_a_reader_fade_until_the_moment_asked() -> None:
    user = rows(
        "user",
        user_id="u1",
        stamped_at=at(0),
        reads_decayed=8.0,
        dwell_decayed=480.0,
        last_read_at=at(-2),
    )
    category = rows(
        "user_category",
        user_id="u1",
        category="sport",
        stamped_at=at(0),
        reads_decayed=4.0,
        dwell_decayed=120.0,
    )
    asked = at(0, PARAMS.features.user_half_life_days)
    got = features(
        pairs(("u1", "a", at(0)), ("u1", "a", asked), ("u1", "b", at(0))),
        user=user,
        user_category=category,
    )
    assert got["user_reads"].to_list() == pytest.approx([8, 4, 8])
    assert got["user_dwell"].to_list() == pytest.approx([480, 240, 480])
    assert got["hours_since_last_read"].to_list() == pytest.approx([2, 14 * 24 + 2, 2])
    # 120 s are 2 whole reads and 4 clicks are 0.4; of 8 and 0.8, and one to begin with.
    assert got["category_affinity"].to_list() == pytest.approx([2.4 / 9.8, 1.2 / 5.4, 0])


def test_what_was_stamped_after_the_moment_asked_is_unknown() -> None:
    user = rows(
        "user",
        user_id="u1",
        stamped_at=at(24),
        reads_decayed=8.0,
        dwell_decayed=1.0,
        last_read_at=at(3),
    )
    got = features(pairs(("u1", "a", at(10))), user=user)
    assert got.select("user_reads", "user_dwell", "hours_since_last_read").row(0) == (0, 0, 720)


def test_features_by_moment_go_to_the_pairs_of_that_moment() -> None:
    at_ten = rows("user", user_id="u1", stamped_at=at(0), reads_decayed=1.0).with_columns(
        asked_at=pl.lit(at(10)).cast(ASKED)
    )
    got = features(pairs(("u1", "a", at(10)), ("u1", "a", at(11))), user=at_ten)
    assert got["user_reads"][0] > 0.9
    assert got["user_reads"][1] == 0
