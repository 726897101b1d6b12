"""Slates in blocks of readers, and the rules that a model may not break."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import polars as pl
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import SLATE_SCHEMA, Request
from newsrec_pipelines.schemas import UNKNOWN
from newsrec_pipelines.scoring import slates
from support.fake_model import (
    FakeBlock,
    FakeModel,
    make_articles,
    make_reads,
    make_request,
    make_users,
)

REQUEST = make_request(
    make_users(7), make_articles(40), make_reads([("u00", "a000"), ("u03", "a003")])
)


@dataclass
class _Says(FakeModel):
    """Says these slates, and tells of its places what it says itself, or else `told`."""

    slates: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SLATE_SCHEMA))
    told: pl.DataFrame | None = None

    def block(self, request: Request) -> FakeBlock:
        told = self.told
        if told is None:
            told = self.slates.select("user_id", article_id="article_ids").explode("article_id")
            told = told.with_columns(place=pl.int_range(1, pl.len() + 1).over("user_id"))
        return FakeBlock(request.users, self.slates, told)


def _made(
    model: slates.Model, request: Request = REQUEST, depth: int = 20, size: int = 100
) -> pl.DataFrame:
    return pl.concat(made.slates for made in slates.predict(model, request, depth, size))


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
    parts = list(slates.predict(FakeModel(), REQUEST, 20, size))

    assert [part.readers for part in parts] == [min(size, 7 - n) for n in range(0, 7, size)]
    whole = next(slates.predict(FakeModel(), REQUEST, 20, 7))
    for name in ("slates", "placed"):
        assert pl.concat(getattr(part, name) for part in parts).equals(getattr(whole, name))
    assert whole.slates["user_id"].to_list() == [f"u{n:02d}" for n in range(7)]
    assert sum(part.candidates for part in parts) == whole.candidates


def test_readers_with_an_empty_slate_are_left_out() -> None:
    made = pl.DataFrame([_slate(), _slate("u01", ())], schema=SLATE_SCHEMA)

    assert _made(_Says(slates=made))["user_id"].to_list() == ["u00"]


def test_slates_and_their_evidence_are_cut_to_the_depth_that_is_published() -> None:
    (made,) = slates.predict(FakeModel(depth=15), REQUEST, 10, 7)

    for column in ("article_ids", "scores", "propensities", "reasons"):
        assert made.slates[column].list.len().to_list() == [10] * 7
    assert made.placed["place"].to_list() == list(range(1, 11)) * 7
    assert made.placed["article_id"].to_list() == made.slates["article_ids"].explode().to_list()


def test_a_block_without_any_candidate_has_no_places() -> None:
    @dataclass
    class Nothing(FakeModel):
        def block(self, request: Request) -> FakeBlock:
            empty = pl.DataFrame([_slate(u, ()) for u in request.users["user_id"]], SLATE_SCHEMA)
            return FakeBlock(request.users, empty, pl.DataFrame())

    (made,) = slates.predict(Nothing(), REQUEST, 10, 7)

    assert (made.readers, made.slates.height, made.placed.height) == (7, 0, 0)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([_slate("u99")], "1 slates of readers not asked for"),
        ([_slate(), _slate()], "second slates"),
        ([_slate(articles=("a000",))], "already read"),
        ([_slate(articles=("a004", "a004"))], "twice in a slate"),
        ([_slate(articles=("a004", "b000"))], "no candidates"),
        ([_slate(articles=("a004", "a001"))], "1 places for articles that the reader cannot read"),
        ([_slate(articles=("a004", "a028"))], "1 places for articles of other regions"),
        ([_slate() | {"scores": [0.5]}], "unequal length"),
        ([_slate() | {"reasons": None}], "unequal length"),
        ([_slate() | {"scores": [0.5, float("nan")]}], "is no number"),
        ([_slate() | {"propensities": [None, 1.0]}], "is no number"),
    ],
)
def test_a_model_that_breaks_a_rule_is_not_fit_to_publish(
    rows: list[dict[str, object]], complaint: str
) -> None:
    made = pl.DataFrame(rows, schema=SLATE_SCHEMA)

    with pytest.raises(ModelError, match=complaint):
        _made(_Says(slates=made), _with_an_article_for_another_region())


def _with_an_article_for_another_region() -> Request:
    regions = pl.when(pl.col("article_id") == "a028").then(pl.lit(["latin_america"]))
    return replace(REQUEST, articles=REQUEST.articles.with_columns(regions=regions))


def test_an_article_for_another_region_is_fine_for_a_reader_of_an_unknown_one() -> None:
    request = _with_an_article_for_another_region()
    request = replace(request, users=request.users.with_columns(region=pl.lit(UNKNOWN)))
    made = pl.DataFrame([_slate(articles=("a004", "a028"))], schema=SLATE_SCHEMA)

    assert _made(_Says(slates=made), request).height == 1


def test_slates_of_another_shape_are_refused() -> None:
    made = pl.DataFrame([_slate()], schema=SLATE_SCHEMA).drop("reasons")

    with pytest.raises(ModelError, match="columns"):
        _made(_Says(slates=made))


@pytest.mark.parametrize("told", [("a002", "a004"), ("a004",), ()])
def test_a_model_that_tells_of_other_places_is_not_fit_to_publish(told: tuple[str, ...]) -> None:
    made = pl.DataFrame([_slate(articles=("a004", "a002"))], schema=SLATE_SCHEMA)
    rows = pl.DataFrame(
        {"user_id": ["u00"] * len(told), "article_id": told, "place": range(1, len(told) + 1)},
        schema={"user_id": pl.String, "article_id": pl.String, "place": pl.Int16},
    )

    with pytest.raises(ModelError, match="about others"):
        _made(_Says(slates=made, told=rows))


@pytest.mark.parametrize(
    ("blocks", "complaint"),
    [(slice(1), "4 readers answered of 7"), (slice(1, 2), "other readers than asked")],
)
def test_a_model_that_leaves_readers_out_is_not_fit_to_publish(
    blocks: slice, complaint: str
) -> None:
    class Short(FakeModel):
        def predict_blocks(
            self, request: Request, readers_per_block: int, threads: int = 1
        ) -> Iterator[FakeBlock]:
            yield from list(super().predict_blocks(request, readers_per_block))[blocks]

    with pytest.raises(ModelError, match=complaint):
        list(slates.predict(Short(), REQUEST, 20, 4))


def test_no_reader_at_all_gives_no_block() -> None:
    assert list(slates.predict(FakeModel(), replace(REQUEST, users=make_users(0)), 20, 3)) == []


@pytest.mark.parametrize("unknown", ["reader", "articles"])
def test_an_unknown_language_fits_every_other(unknown: str) -> None:
    language = pl.lit(UNKNOWN).alias("language")
    request = (
        replace(REQUEST, users=REQUEST.users.with_columns(language))
        if unknown == "reader"
        else replace(REQUEST, articles=REQUEST.articles.with_columns(language))
    )
    made = pl.DataFrame([_slate(articles=("a004", "a001"))], schema=SLATE_SCHEMA)

    assert _made(_Says(slates=made), request).height == 1
