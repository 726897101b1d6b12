from dataclasses import replace

import numpy as np
import polars as pl

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.fresh import Fresh
from newsrec_pipelines.models.request_rows import RequestRows
from support.bound_scorers import check_bound_scorer, every_pair
from support.factories_models import (
    load_params,
    make_read,
    make_reads,
    make_request,
    make_training_data,
    without_history,
)

DATA = make_training_data(users=6)
FRESH = Fresh.fit(DATA, load_params())


def best(request: Request, reader: int, k: int) -> list[int]:
    return FRESH.at(RequestRows(request)).best(np.array([reader]), k).article_row.tolist()


def without_choice(request: Request) -> Request:
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return replace(request, users=request.users.with_columns(preferred_categories=nothing))


def test_readers_with_chosen_categories_only_get_their_newest() -> None:
    assert best(without_history(make_request(DATA)), 1, 3) == [1, 5, 9]


def test_readers_of_whom_nothing_is_known_get_the_newest_of_all() -> None:
    assert best(without_choice(without_history(make_request(DATA))), 1, 3) == [0, 1, 2]


def test_one_read_says_which_category_comes_next() -> None:
    request = make_request(DATA, history=make_reads([make_read("u01", "a006")]))
    assert best(without_choice(request), 1, 3) == [2, 10, 14]
    ordered = best(request, 1, 40)
    assert ordered[:2] == [1, 5]
    first_read = ordered.index(2)
    assert all(row % 4 == 1 for row in ordered[:first_read])


def test_categories_of_earlier_days_are_known_from_the_counters() -> None:
    request = without_choice(without_history(make_request(DATA)))
    of_reader = {"cinema": 5.0, "football": 5.0, "elections": 0.1, "gone": 1.0}
    counters = pl.DataFrame(
        [{"user_id": "u01", "category": c, "reads_decayed": n} for c, n in of_reader.items()]
    )
    columns = request.features.user_category.schema
    counters = counters.select(
        pl.col(name) if name in counters.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in columns.items()
    )
    request = replace(request, features=request.features._replace(user_category=counters))
    assert best(request, 1, 5) == [1, 3, 5, 7, 9]
    assert best(request, 2, 3) == [0, 1, 2]


def test_hiding_an_article_is_no_wish_for_its_category() -> None:
    history = make_reads([make_read("u01", "a006", None, kind="hide")])
    assert best(without_choice(make_request(DATA, history=history)), 1, 3) == [0, 1, 2]


def test_when_a_choice_runs_out_any_article_follows() -> None:
    request = without_history(make_request(DATA))
    few = replace(request, articles=request.articles.head(8))
    assert best(few, 1, 20) == [1, 5, 0, 2, 3, 4, 6, 7]


def test_readers_who_read_all_of_the_newest_get_the_next() -> None:
    newest = make_reads([make_read("u01", f"a{n:03d}") for n in range(60)])
    found = best(make_request(DATA, history=newest), 1, 5)
    assert found == [61, 65, 69, 73, 77]


def test_bound_scorers_keep_the_laws() -> None:
    rows = RequestRows(make_request(DATA))
    check_bound_scorer(FRESH.at(rows), rows)


def test_articles_from_the_future_are_as_new_as_can_be() -> None:
    request = make_request(DATA)
    late = request.articles.with_columns(published_at=pl.col("published_at").dt.offset_by("3d"))
    request = replace(request, articles=late)
    scores = every_pair(FRESH.at(RequestRows(request)), request)
    assert scores.max() == 3.0


def test_fresh_survives_its_own_state() -> None:
    request = make_request(DATA)
    again = Fresh.from_state(FRESH.state(), load_params())
    np.testing.assert_array_equal(
        every_pair(again.at(RequestRows(request)), request),
        every_pair(FRESH.at(RequestRows(request)), request),
    )


def test_nobody_asked_and_nothing_to_choose_from_give_nothing() -> None:
    request = make_request(DATA)
    nobody = replace(request, users=request.users.clear())
    assert not len(FRESH.at(RequestRows(nobody)).best(np.arange(0), 5).user_row)
    assert best(replace(request, articles=request.articles.clear()), 1, 5) == []
