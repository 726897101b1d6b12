from dataclasses import replace

import numpy as np
import polars as pl

from newsrec_pipelines.models import candidates
from support.factories_models import make_read, make_reads, make_request, make_training_data

DATA = make_training_data(users=4)


def test_what_was_read_or_hidden_is_not_allowed_again() -> None:
    reads = make_reads([make_read("u01", "a002"), make_read("u02", "a003", None, kind="hide")])
    mask = candidates.allowed(make_request(DATA, history=reads))
    assert np.argwhere(~mask).tolist() == [[1, 2], [2, 3]]


def test_only_languages_of_the_reader_are_allowed_and_unknown_matches_all() -> None:
    request = make_request(DATA, history=DATA.reads.clear())
    users = request.users.with_columns(language=pl.Series(["en", "es", "unknown", "fr"]))
    articles = request.articles.head(3).with_columns(language=pl.Series(["en", "es", "unknown"]))
    mask = candidates.allowed(replace(request, users=users, articles=articles))
    assert mask.tolist() == [[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1]]


def test_chosen_says_which_articles_are_of_a_chosen_category() -> None:
    request = make_request(DATA)
    assert candidates.chosen(request)[:, :5].tolist() == [
        [1, 0, 0, 0, 1],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
    ]


def test_newest_puts_chosen_categories_before_all_others() -> None:
    request = make_request(DATA)
    order = np.argsort(-candidates.newest(request, candidates.chosen(request)), axis=1)
    assert order[1, :3].tolist() == [1, 5, 9]
    assert order[1, request.articles.height // 4] == 0


def test_best_is_the_union_of_the_best_allowed_of_each_score() -> None:
    mask = np.array([[True, True, True, False], [False, False, True, False]])
    one = np.array([[3, 2, 1, 9], [3, 2, 1, 9]], dtype=np.float32)
    rows, columns = candidates.best([one, -one], mask, 1)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (0, 2), (1, 2)]


def test_best_of_more_than_there_is_gives_everything_allowed() -> None:
    mask = np.array([[True, False, True]])
    _, columns = candidates.best([np.zeros((1, 3), np.float32)], mask, 50)
    assert columns.tolist() == [0, 2]
