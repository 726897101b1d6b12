"""Popular slates by region and language."""

from pathlib import Path

import polars as pl
import pytest

from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import UNKNOWN
from newsrec_pipelines.scoring.popular import ANY, popular_slates
from support.fake_model import make_articles, make_reads, make_request, make_users
from support.postgres import REPOSITORY

PARAMS = Params.load(Path(REPOSITORY) / "params.yaml")
USERS = make_users(8)  # u00 and u02 … live in africa, u01 and u03 … in latin_america
ARTICLES = make_articles(30)  # even ones are English, odd ones Spanish


def _slates(
    reads: pl.DataFrame, users: pl.DataFrame = USERS, articles: pl.DataFrame = ARTICLES
) -> dict[tuple[str, str], list[str]]:
    made = popular_slates(make_request(users, articles, reads), PARAMS)
    return {(r["region"], r["language"]): r["article_ids"] for r in made.to_dicts()}


def test_there_is_a_slate_for_every_region_and_language_and_for_any() -> None:
    made = _slates(make_reads([]))

    regions, languages = (ANY, "africa", "latin_america"), (ANY, "en", "es")
    assert set(made) == {(r, lang) for r in regions for lang in languages}


def test_a_slate_of_a_language_holds_only_what_its_readers_can_read() -> None:
    made = _slates(make_reads([("u00", "a003"), ("u00", "a006")]))

    assert {int(a[1:]) % 2 for a in made[ANY, "es"]} == {1}
    assert {int(a[1:]) % 2 for a in made["africa", "en"]} == {0}
    assert {int(a[1:]) % 2 for a in made["africa", ANY]} == {0, 1}


def test_what_a_region_reads_comes_first_there_and_later_elsewhere() -> None:
    made = _slates(make_reads([("u00", "a020"), ("u01", "a010"), ("u03", "a010")]))

    assert made["africa", "en"][:2] == ["a020", "a010"]
    assert made["latin_america", "en"][:2] == ["a010", "a020"]
    assert made[ANY, ANY][:2] == ["a010", "a020"]


def test_without_reads_the_newest_articles_are_popular() -> None:
    made = _slates(make_reads([]))

    assert made[ANY, ANY] == [f"a{n:03d}" for n in range(PARAMS.slate.depth)]


def test_one_reader_who_returns_is_one_reader_and_a_hidden_article_is_not_liked() -> None:
    twice = pl.concat([make_reads([("u00", "a004")])] * 3)
    hidden = make_reads([("u02", "a008"), ("u04", "a008")]).with_columns(kind=pl.lit("hide"))
    two = make_reads([("u00", "a012"), ("u02", "a012")])

    assert _slates(pl.concat([twice, hidden, two]))["africa", "en"][:2] == ["a012", "a004"]


def test_a_click_of_unknown_dwell_weighs_less_than_a_read() -> None:
    clicks = make_reads([("u00", "a004"), ("u02", "a004")], dwell=None)

    assert _slates(pl.concat([clicks, make_reads([("u04", "a008")])]))[ANY, "en"][0] == "a008"


def test_an_unknown_language_reads_all_and_is_read_by_all() -> None:
    users = USERS.with_columns(language=pl.lit(UNKNOWN))
    unknown_first = ARTICLES.with_columns(
        language=pl.when(pl.col("article_id") == "a000").then(pl.lit(UNKNOWN)).otherwise("language")
    )
    made = _slates(make_reads([]), users, unknown_first)

    assert made[ANY, UNKNOWN] == made[ANY, ANY]
    assert made[ANY, "es"][:2] == ["a000", "a001"]


def test_a_language_without_articles_gets_no_slate() -> None:
    users = USERS.with_columns(language=pl.lit("pt"))

    assert (ANY, "pt") not in _slates(make_reads([]), users)


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_candidates_give_shorter_popular_slates(count: int) -> None:
    assert len(_slates(make_reads([]), articles=make_articles(count))[ANY, ANY]) == count


def test_publishers_of_low_reliability_are_not_popular() -> None:
    publisher = (
        pl.when(pl.col("article_id") == "a004").then(pl.lit("doubtful")).otherwise("publisher")
    )
    articles = ARTICLES.with_columns(publisher=publisher)
    request = make_request(USERS, articles, make_reads([("u00", "a004")]))
    for rating, placed in ((0.6, True), (0.4, False), (0.1, False)):
        slate = PARAMS.slate.model_copy(update={"reliability": {"doubtful": rating}})
        made = popular_slates(request, PARAMS.model_copy(update={"slate": slate}))
        assert ("a004" in set(made["article_ids"].explode())) == placed
