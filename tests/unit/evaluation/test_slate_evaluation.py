"""Any kind of model is evaluated by its slates, as the news model is."""

from dataclasses import dataclass, replace
from datetime import timedelta

import polars as pl
import pytest

from newsrec_pipelines.evaluation.day import Day
from newsrec_pipelines.evaluation.slate_evaluation import evaluate_answers
from newsrec_pipelines.features.types import Request
from support.factories_models import (
    AS_OF,
    load_params,
    make_read,
    make_reads,
    make_request,
    make_training_data,
)

PARAMS = load_params()
DATA = make_training_data(users=4, articles=60)


@dataclass
class Fixed:
    """Gives every reader the same articles."""

    article_ids: list[str]
    name: str = "fixed"

    def predict(self, request: Request) -> pl.DataFrame:
        return request.users.select("user_id", article_ids=pl.lit(self.article_ids))


def _day(reads: pl.DataFrame) -> Day:
    request = make_request(DATA, history=DATA.reads.clear())
    return Day(AS_OF, AS_OF + timedelta(days=4), None, reads, request)


def _opened(*pairs: tuple[str, str], dwell: float | None = 60.0) -> pl.DataFrame:
    return make_reads([make_read(u, a, dwell, hours_ago=-1) for u, a in pairs])


def test_who_opens_what_she_was_given_makes_the_best_slate() -> None:
    day = _day(_opened(("u00", "a000"), ("u01", "a001")))
    means, counts = evaluate_answers(day, Fixed(["a000", "a001"]), PARAMS)
    assert means["hr@10"].value == 1.0
    assert means["recall@10"].value == 1.0
    assert means["mrr@10"].value == pytest.approx((1 + 1 / 2) / 2)
    assert means["dwell_ndcg@10"].value == means["slate_ndcg@10"].value
    assert means["coverage"].value == pytest.approx(2 / 60)
    assert counts["readers evaluated"] == counts["relevant"] == counts["reachable"] == 2
    worse, _ = evaluate_answers(day, Fixed(["a005", "a006"]), PARAMS)
    assert worse["hr@10"].value == worse["dwell_ndcg@10"].value == 0.0


def test_without_any_dwell_there_is_no_number_of_it() -> None:
    means, _ = evaluate_answers(_day(_opened(("u00", "a000"), dwell=None)), Fixed(["a000"]), PARAMS)
    assert "dwell_ndcg@10" not in means
    assert means["hr@10"].value == 1.0


def test_what_was_read_before_is_not_new() -> None:
    day = _day(_opened(("u00", "a000")))
    day = replace(day, request=make_request(DATA, history=make_reads([make_read("u00", "a000")])))
    assert evaluate_answers(day, Fixed(["a000"]), PARAMS) == ({}, {})
