import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from newsrec_pipelines.features.types import SLATE_SCHEMA
from newsrec_pipelines.models import slates
from newsrec_pipelines.schemas import UNKNOWN
from support.factories_models import with_params

PARAMS = with_params(slate={"depth": 10, "max_per_publisher": 2}).slate


def pairs(rows: list[tuple[str, str, float, bool]]) -> pl.DataFrame:
    columns = ["article_id", "publisher", "score", "first"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.with_columns(
        user_row=pl.lit(0), reason=pl.struct(code=pl.lit("c"), text=pl.lit("t"))
    )


def order(rows: list[tuple[str, str, float, bool]]) -> list[str]:
    return slates.place(pairs(rows), PARAMS)["article_id"].to_list()


def test_the_highest_score_comes_first_and_equal_ones_by_their_id() -> None:
    rows = [("c", "x", 0.5, False), ("b", "y", 0.5, False), ("a", "z", 0.4, False)]
    assert order(rows) == ["b", "c", "a"]


def test_first_comes_before_every_score() -> None:
    assert order([("a", "x", 0.9, False), ("b", "y", 0.1, True)]) == ["b", "a"]


def test_a_publisher_gets_its_places_and_more_only_at_the_end_of_a_short_slate() -> None:
    rows = [(f"a{n}", "x", 1 - n / 10, False) for n in range(4)] + [("z", "y", 0.1, False)]
    assert order(rows) == ["a0", "a1", "z", "a2", "a3"]
    others = [(f"b{n:02d}", f"p{n}", 0.2, False) for n in range(10)]
    assert order(rows + others).count("a2") == 0


def test_articles_of_unknown_publisher_are_not_counted() -> None:
    rows = [(f"a{n}", UNKNOWN, 1 - n / 10, False) for n in range(4)] + [("z", "y", 0.1, False)]
    assert order(rows) == ["a0", "a1", "a2", "a3", "z"]


def test_readers_without_a_place_get_empty_lists() -> None:
    users = pl.DataFrame({"user_id": ["u", "v"]})
    placed = slates.place(pairs([("a", "x", 0.5, False)]), PARAMS).with_columns(
        user_row=pl.lit(1, pl.UInt32)
    )
    made = slates.as_slates(placed, users)
    assert made.schema == SLATE_SCHEMA
    assert made["article_ids"].to_list() == [[], ["a"]]
    assert made["propensities"].to_list() == [[], [1.0]]
    assert slates.empty(users).schema == SLATE_SCHEMA
    assert slates.empty(users)["scores"].to_list() == [[], []]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.floats(0, 1), st.booleans()), min_size=1, max_size=30
    )
)
def test_a_slate_is_as_long_as_it_can_be_whatever_the_publishers(
    rows: list[tuple[str, float, bool]],
) -> None:
    made = order([(f"a{n}", *row) for n, row in enumerate(rows)])
    assert len(made) == len(set(made)) == min(PARAMS.depth, len(rows))
