"""Which shown article was read, and what is drawn where nobody said what was shown."""

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from newsrec_pipelines.features.labels import EXAMPLE_SCHEMA, sampled_examples, shown_examples
from newsrec_pipelines.parameters import Params
from support.feature_events import at, frame
from support.postgres import REPOSITORY

PARAMS = Params.load(REPOSITORY / "params.yaml")


def impression(name: str, shown_at: datetime, articles: list[str], **more: Any) -> dict[str, Any]:
    return {"impression_id": name, "shown_at": shown_at, "article_ids": articles} | more


def read(name: str, article: str, read_at: datetime, **more: Any) -> dict[str, Any]:
    return {"event_id": name, "article_id": article, "read_at": read_at} | more


def shown(
    impressions: list[dict[str, Any]], reads: list[dict[str, Any]], most: int = 100
) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    got = shown_examples(frame("impressions", impressions), frame("reads", reads), most, rng)
    assert got.columns == EXAMPLE_SCHEMA.names()
    return got


def test_a_read_goes_to_the_impression_that_it_names() -> None:
    got = shown(
        [impression("i1", at(1), ["a", "b"]), impression("i2", at(2), ["a"])],
        [
            read("1", "a", at(3), view_id="v", impression_id="i1"),
            read("2", "a", at(3), view_id="v", kind="read", dwell_seconds=30.0),
        ],
    )
    assert got.select(
        "impression_id", "article_id", "position", "clicked", "dwell_seconds"
    ).rows() == [
        ("i1", "a", 1, True, 30.0),
        ("i1", "b", 2, False, None),
        ("i2", "a", 1, False, None),
    ]


def test_a_read_that_names_none_goes_to_the_last_one_shown_within_a_day() -> None:
    got = shown(
        [
            impression("i1", at(1), ["a"]),
            impression("i2", at(2), ["a"]),
            impression("i3", at(2.5), ["a"], user_id="u2"),
            impression("i4", at(9), ["a"]),
        ],
        [read("1", "a", at(3)), read("2", "a", at(30), user_id="u2")],
    )
    assert got.filter("clicked")["impression_id"].to_list() == ["i2"]


def test_dwell_that_is_unknown_stays_null_and_views_add_up() -> None:
    got = shown(
        [impression("i1", at(1), ["a", "b"])],
        [
            read("1", "a", at(2), kind="read", dwell_seconds=10.0, impression_id="i1"),
            read("2", "a", at(3), kind="read", dwell_seconds=5.5, impression_id="i1"),
            read("3", "b", at(3), impression_id="i1"),
            read("4", "b", at(3), impression_id="i1", kind="like"),
        ],
    )
    assert got["clicked"].to_list() == [True, True]
    assert got["dwell_seconds"].to_list() == [15.5, None]


def test_an_unknown_order_gives_no_positions() -> None:
    got = shown([impression("i1", at(1), ["b", "a"], order_known=False)], [])
    assert got["position"].to_list() == [None, None]


def test_a_cap_keeps_whole_impressions_and_the_same_ones_every_time() -> None:
    impressions = [impression(f"i{n}", at(n / 10), ["a", "b", "c"]) for n in range(50)]
    got = shown(impressions, [], most=20)
    assert got.height == 18
    assert got.group_by("impression_id").len()["len"].to_list() == [3] * 6
    assert_frame_equal(shown(impressions[::-1], [], most=20), got)


def sampled(
    reads: list[dict[str, Any]], articles: list[dict[str, Any]], **over: Any
) -> pl.DataFrame:
    params = PARAMS.model_copy(update={"ranker": PARAMS.ranker.model_copy(update=over)})
    rng = np.random.default_rng(7)
    got = sampled_examples(
        frame("reads", reads), frame("articles", articles), at(0), at(96), params, rng
    )
    assert got.columns == EXAMPLE_SCHEMA.names()
    return got


NEWS = [{"article_id": f"a{n:02}", "published_at": at(n)} for n in range(60)]


def test_negatives_were_alive_at_the_read_and_never_read() -> None:
    reads = [read("1", "a50", at(52)), read("2", "a40", at(53)), read("3", "a52", at(99))]
    got = sampled(reads, NEWS)
    published = {a["article_id"]: a["published_at"] for a in NEWS}
    assert got.filter("clicked")["article_id"].to_list() == ["a50", "a40"]
    negatives = got.filter(~pl.col("clicked"))
    assert 4 <= negatives.height <= 8
    for row in negatives.iter_rows(named=True):
        age = row["asked_at"] - published[row["article_id"]]
        assert 0 <= age.total_seconds() <= PARAMS.slate.max_age_hours * 3600
        assert row["article_id"] not in {"a50", "a40", "a52"}
    assert got["position"].null_count() == got.height


def test_a_read_of_an_old_article_is_not_trained_on() -> None:
    assert sampled([read("1", "a00", at(49))], NEWS).is_empty()


def test_sampling_is_repeatable_and_capped() -> None:
    reads = [read(f"{n}", f"a{n:02}", at(n + 1), user_id=f"u{n}") for n in range(50)]
    got = sampled(reads, NEWS, max_examples=25)
    assert got["clicked"].sum() == 5
    assert got.height <= 25
    assert_frame_equal(sampled(reads[::-1], NEWS, max_examples=25), got)
