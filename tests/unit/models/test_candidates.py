from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.als import Als
from newsrec_pipelines.models.candidates import Eligibility, retrieve
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.coread import CoRead
from newsrec_pipelines.models.fresh import Fresh
from newsrec_pipelines.models.popularity import Popularity
from newsrec_pipelines.models.protocols import Rows, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.parameters import CandidateParams
from support.factories_models import (
    load_params,
    make_counters,
    make_read,
    make_reads,
    make_request,
    make_training_data,
)

DATA = make_training_data(users=4)
TOWN = make_training_data()
NOTHING = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))


class Fixed:
    """The same articles for every reader, the best first."""

    def __init__(self, *articles: int) -> None:
        self.articles = articles

    def of_pairs(self, pairs: Pairs) -> Vectors:
        return np.zeros(len(pairs.user_row), np.float32)

    def best(self, user_rows: Rows, k: int) -> Pairs:
        best = np.array(self.articles[:k], np.int64)
        return Pairs(np.repeat(user_rows, len(best)), np.tile(best, len(user_rows)))


def allowed(eligibility: Eligibility, readers: int, articles: int) -> list[list[bool]]:
    rows = np.divmod(np.arange(readers * articles), articles)
    return eligibility.allows(Pairs(*rows)).reshape(readers, articles).tolist()


def test_candidates_are_the_union_of_all_sources_and_say_who_found_them() -> None:
    bound_scorers = {"als": Fixed(5, 2), "content": Fixed(2, 9, 7), "fresh": Fixed()}
    params = CandidateParams(als=2, content=2, coread=0, popularity=0, fresh=5)
    found = retrieve(bound_scorers, np.array([3, 1]), params)
    assert found.pairs.user_row.tolist() == [1, 1, 1, 3, 3, 3]
    assert found.pairs.article_row.tolist() == [2, 5, 9, 2, 5, 9]
    assert found.sources["als"].tolist() == [True, True, False] * 2
    assert found.sources["content"].tolist() == [True, False, True] * 2
    assert not found.sources["fresh"].any()


def test_a_source_that_is_switched_off_is_not_asked() -> None:
    found = retrieve({"als": Fixed(5)}, np.arange(2), CandidateParams(als=0))
    assert not len(found.pairs.user_row)
    assert found.sources["als"].shape == (0,)


def test_what_was_read_or_hidden_is_not_allowed_again() -> None:
    reads = make_reads(
        [
            make_read("u01", "a002"),
            make_read("u01", "a002", hours_ago=3),
            make_read("u02", "a003", None, kind="hide"),
            make_read("stranger", "a001"),
            make_read("u01", "gone"),
        ]
    )
    eligibility = RequestRows(make_request(DATA, history=reads)).eligibility
    height = make_request(DATA).articles.height
    mask = np.array(allowed(eligibility, 4, height))
    assert np.argwhere(~mask).tolist() == [[1, 2], [2, 3]]
    assert eligibility.seen_counts(np.arange(4)).tolist() == [0, 1, 1, 0]


def test_only_languages_of_the_reader_are_allowed_and_unknown_matches_all() -> None:
    users = DATA.users.with_columns(language=pl.Series(["en", "es", "unknown", "fr"]))
    articles = DATA.articles.head(3).with_columns(language=pl.Series(["en", "es", "unknown"]))
    eligibility = Eligibility(users, articles, NOTHING)
    assert allowed(eligibility, 4, 3) == [
        [True, False, True],
        [False, True, True],
        [True, True, True],
        [False, False, True],
    ]


def test_articles_are_for_the_regions_that_they_name_or_for_all() -> None:
    users = DATA.users.with_columns(
        region=pl.Series(["africa", "latin_america", "unknown", "africa"])
    )
    articles = DATA.articles.head(4).with_columns(
        regions=pl.Series([["africa"], [], None, ["north_america", "latin_america"]])
    )
    eligibility = Eligibility(users, articles, NOTHING)
    assert allowed(eligibility, 3, 4) == [
        [True, True, True, False],
        [False, True, True, True],
        [True, True, True, True],
    ]
    assert eligibility.articles_of(int(eligibility.group_of_reader[0])).tolist() == [0, 1, 2]
    assert eligibility.group_of_reader[0] == eligibility.group_of_reader[3]


def test_readers_of_regions_that_no_article_names_are_one_group() -> None:
    """Else the same articles would be kept, and multiplied, once a region."""
    users = DATA.users.with_columns(region=pl.Series(["africa", "latin_america", "x", "y"]))
    assert set(Eligibility(users, DATA.articles, NOTHING).group_of_reader.tolist()) == {0}


def test_chosen_says_which_articles_are_of_a_chosen_category() -> None:
    rows = RequestRows(make_request(DATA))
    pairs = Pairs(*np.divmod(np.arange(20), 5))
    assert rows.chosen(pairs).reshape(4, 5).astype(int).tolist() == [
        [1, 0, 0, 0, 1],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
    ]


@pytest.mark.parametrize("choice", [["never seen"], [], None])
def test_a_category_never_seen_and_no_choice_are_no_articles_category(
    choice: list[str] | None,
) -> None:
    request = make_request(DATA)
    users = request.users.with_columns(
        preferred_categories=pl.Series([choice] * 4, dtype=pl.List(pl.String))
    )
    rows = RequestRows(replace(request, users=users))
    assert not rows.chosen(Pairs(*np.divmod(np.arange(20), 5))).any()


def test_an_empty_request_has_no_eligible_article() -> None:
    request = make_request(DATA)
    nobody = RequestRows(replace(request, users=request.users.clear())).eligibility
    assert not len(nobody.allows(NOTHING))
    nothing = RequestRows(replace(request, articles=request.articles.clear())).eligibility
    assert nothing.articles_of(int(nothing.group_of_reader[0])).tolist() == []


def test_cold_readers_and_a_returning_one_each_have_their_sources() -> None:
    params = load_params()
    content = Content.fit(TOWN, params)
    scorers = (
        content,
        Popularity.fit(TOWN, params),
        CoRead.fit(TOWN, params),
        Fresh.fit(TOWN, params),
    )
    request = make_request(
        TOWN,
        users=TOWN.users.head(3).with_columns(
            user_id=pl.Series(["chose", "nothing", "one read"]),
            preferred_categories=pl.Series([["climate"], [], []]),
        ),
        history=make_reads([make_read("one read", "a009")]),
        counters=make_counters({"a001": 5, "a002": 9}),
    )
    rows = RequestRows(request)
    bound_scorers = {scorer.name: scorer.at(rows) for scorer in scorers}
    bound_scorers["als"] = Als.fit(TOWN, params, texts=content).at(
        rows, content.embed(request.articles)
    )
    found = retrieve(bound_scorers, np.arange(3), CandidateParams())
    of = {
        reader: {
            name for name, by in found.sources.items() if by[found.pairs.user_row == row].any()
        }
        for row, reader in enumerate(request.users["user_id"])
    }
    assert of["chose"] == {"content", "popularity", "fresh"}
    assert of["nothing"] == {"popularity", "fresh"}
    assert of["one read"] == {"als", "content", "coread", "popularity", "fresh"}
    by_content = (found.pairs.user_row == 0) & found.sources["content"]
    categories = request.articles["category"].gather(found.pairs.article_row[by_content])
    assert (categories == "climate").mean() > 0.5
