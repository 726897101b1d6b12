from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.datasets.ebnerd_views import clicked, merge

START = datetime(2023, 5, 21, 12, tzinfo=UTC)
_COMMON = {
    "user_id": pl.Int64,
    "article_id": pl.Int64,
    "at": pl.Datetime("us", "UTC"),
    "dwell": pl.Float32,
    "scroll": pl.Float32,
}
PAGES = _COMMON
CLICKS = _COMMON | {"impression_id": pl.String}


def seconds(n: int) -> datetime:
    return START + timedelta(seconds=n)


def page(at: int, dwell: float | None = None, article: int = 1) -> tuple[object, ...]:
    return (7, article, seconds(at), dwell, None)


def click(at: int, dwell: float | None, impression: str, article: int = 1) -> tuple[object, ...]:
    return (*page(at, dwell, article), impression)


def merged(clicks: list[tuple[object, ...]], pages: list[tuple[object, ...]]) -> pl.DataFrame:
    return merge(
        pl.DataFrame(clicks, schema=CLICKS, orient="row"),
        pl.DataFrame(pages, schema=PAGES, orient="row"),
    )


def rows(views: pl.DataFrame) -> list[tuple[object, ...]]:
    return views.select(
        (pl.col("at") - START).dt.total_seconds(), "dwell", "impression_id", "number"
    ).rows()


def test_a_click_and_its_page_are_one_view_with_the_dwell_that_either_knows() -> None:
    assert rows(merged([click(10, None, "i")], [page(12, 30.0)])) == [(10, 30.0, "i", 0)]
    assert rows(merged([click(10, 20.0, "i")], [page(12, 30.0)])) == [(10, 20.0, "i", 0)]


def test_the_same_page_in_two_files_is_one_view() -> None:
    assert rows(merged([], [page(10, None), page(10, 5.0), page(11, 5.0)])) == [(10, 5.0, None, 0)]


def test_views_of_one_article_some_minutes_apart_stay_apart() -> None:
    views = merged([click(10, 5.0, "i"), click(400, 6.0, "j")], [page(11, 5.0), page(200, 9.0)])
    assert rows(views) == [(10, 5.0, "i", 0), (200, 9.0, None, 1), (400, 6.0, "j", 2)]


def test_numbers_begin_anew_each_day_and_with_each_article() -> None:
    day = 24 * 60 * 60
    views = merged([], [page(0, 1.0), page(900, 1.0), page(day, 1.0), page(0, 1.0, article=2)])
    assert views["number"].to_list() == [0, 1, 0, 0]


def test_a_click_comes_at_least_a_second_after_its_list() -> None:
    shown = pl.DataFrame(
        {
            "impression_id": ["a", "b", "c"],
            "user_id": [7, 7, 7],
            "shown_at": [START] * 3,
            "read_time": [0.0, None, 17.0],
            "clicked": [[1], [2], [3, 3]],
            "next_read_time": [5.0, None, 9.0],
            "next_scroll": [0.5, None, 0.9],
        },
        schema_overrides={"next_read_time": pl.Float32},
    )
    views = clicked(shown)
    assert rows(views.with_columns(number=0)) == [
        (1, 5.0, "a", 0),
        (1, None, "b", 0),
        (17, None, "c", 0),
    ]


moments = st.integers(0, 3600)
dwells = st.none() | st.integers(0, 600).map(float)


@given(
    st.lists(st.tuples(moments, dwells, st.integers(1, 3)), max_size=8),
    st.lists(st.tuples(moments, dwells, st.integers(1, 3)), max_size=8),
    st.randoms(use_true_random=False),
)
def test_no_click_is_lost_no_view_told_twice_and_order_of_rows_means_nothing(
    opened: list[tuple[int, float | None, int]],
    seen: list[tuple[int, float | None, int]],
    random: object,
) -> None:
    clicks = [click(at, dwell, f"i{n}", article) for n, (at, dwell, article) in enumerate(opened)]
    pages = [page(at, dwell, article) for at, dwell, article in seen]
    views = merged(clicks, pages)

    assert views["impression_id"].drop_nulls().sort().to_list() == sorted(
        f"i{n}" for n in range(len(clicks))
    )
    assert len(views) <= len(clicks) + len(pages)
    keys = views.select("user_id", "article_id", pl.col("at").dt.date(), "number")
    assert not keys.is_duplicated().any()
    alone = views.filter(pl.col("impression_id").is_null())
    assert set(alone["at"]) <= {p[2] for p in pages}

    random.shuffle(clicks)  # type: ignore[attr-defined]
    random.shuffle(pages)  # type: ignore[attr-defined]
    assert merged(clicks, pages).equals(views)
    # Another file with the same history changes nothing.
    assert merged(clicks, pages + pages).equals(views)
