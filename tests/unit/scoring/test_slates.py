"""Slates in blocks of readers, and the rules that a model may not break."""

from dataclasses import dataclass, replace

import polars as pl
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import SLATE_SCHEMA, Request
from newsrec_pipelines.schemas import UNKNOWN
from newsrec_pipelines.scoring import slates
from support.fake_model import FakeModel, make_articles, make_reads, make_request, make_users

REQUEST = make_request(
    make_users(7), make_articles(40), make_reads([("u00", "a000"), ("u03", "a003")])
)


@dataclass
class _Says(FakeModel):
    slates: pl.DataFrame | None = None

    def predict(self, request: Request) -> pl.DataFrame:
        assert self.slates is not None
        return self.slates


def _slate(user: str = "u00", articles: tuple[str, ...] = ("a004", "a002")) -> dict[str, object]:
    n = len(articles)
    return {
        "user_id": user,
        "article_ids": list(articles),
        "scores": [0.5] * n,
        "propensities": [1.0] * n,
        "reasons": [{"code": "newest", "text": "new"}] * n,
    }


@pytest.mark.parametrize("size", [1, 3, 100])
def test_slates_do_not_depend_on_the_size_of_a_block(size: int) -> None:
    whole = slates.predict(FakeModel(), REQUEST, 20)
    parts = [slates.predict(FakeModel(), b, 20) for b in slates.blocks(REQUEST, size)]

    assert pl.concat(parts).equals(whole)
    assert whole["user_id"].to_list() == [f"u{n:02d}" for n in range(7)]


def test_a_block_holds_the_history_of_its_own_readers_only() -> None:
    first, second = slates.blocks(REQUEST, 3), []
    histories = [b.history["user_id"].to_list() for b in first]

    assert histories == [["u00"], ["u03"], []]
    assert second == []


def test_readers_with_an_empty_slate_are_left_out() -> None:
    made = pl.DataFrame([_slate(), _slate("u01", ())], schema=SLATE_SCHEMA)

    assert slates.predict(_Says(slates=made), REQUEST, 20)["user_id"].to_list() == ["u00"]


def test_slates_are_cut_to_the_depth_that_is_published() -> None:
    made = slates.predict(FakeModel(depth=15), REQUEST, 10)

    for column in ("article_ids", "scores", "propensities", "reasons"):
        assert made[column].list.len().to_list() == [10] * 7


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([_slate("u99")], "1 slates of readers not asked for"),
        ([_slate(), _slate()], "second slates"),
        ([_slate(articles=("a000",))], "already read"),
        ([_slate(articles=("a004", "a004"))], "twice in a slate"),
        ([_slate(articles=("a004", "b000"))], "no candidates"),
        ([_slate(articles=("a004", "a001"))], "1 places for articles that the reader cannot read"),
        ([_slate() | {"scores": [0.5]}], "unequal length"),
        ([_slate() | {"reasons": None}], "unequal length"),
        ([_slate() | {"scores": [0.5, float("nan")]}], "no numbers"),
        ([_slate() | {"propensities": [None, 1.0]}], "no numbers"),
    ],
)
def test_a_model_that_breaks_a_rule_is_not_fit_to_publish(
    rows: list[dict[str, object]], complaint: str
) -> None:
    made = pl.DataFrame(rows, schema=SLATE_SCHEMA)

    with pytest.raises(ModelError, match=complaint):
        slates.predict(_Says(slates=made), REQUEST, 10)


def test_slates_of_another_shape_are_refused() -> None:
    made = pl.DataFrame([_slate()], schema=SLATE_SCHEMA).drop("reasons")

    with pytest.raises(ModelError, match="columns"):
        slates.predict(_Says(slates=made), REQUEST, 10)


def test_no_reader_at_all_gives_no_block() -> None:
    assert list(slates.blocks(replace(REQUEST, users=make_users(0)), 3)) == []


@pytest.mark.parametrize("unknown", ["reader", "articles"])
def test_an_unknown_language_fits_every_other(unknown: str) -> None:
    language = pl.lit(UNKNOWN).alias("language")
    request = (
        replace(REQUEST, users=REQUEST.users.with_columns(language))
        if unknown == "reader"
        else replace(REQUEST, articles=REQUEST.articles.with_columns(language))
    )
    made = pl.DataFrame([_slate(articles=("a004", "a001"))], schema=SLATE_SCHEMA)

    assert slates.predict(_Says(slates=made), request, 10).height == 1
