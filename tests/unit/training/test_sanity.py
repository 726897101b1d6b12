from dataclasses import dataclass, replace

import polars as pl
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import SLATE_SCHEMA, Request
from newsrec_pipelines.training.sanity import check_slates
from support.factories_models import make_request, make_training_data

DATA = make_training_data(users=6, articles=40)


@dataclass
class Fixed:
    """Gives the first `served` readers one article with this score."""

    score: float = 0.5
    served: int = 100

    def predict(self, request: Request) -> pl.DataFrame:
        rows = [
            {
                "user_id": user,
                "article_ids": ["a"] if n < self.served else [],
                "scores": [self.score] if n < self.served else [],
                "propensities": [],
                "reasons": [],
            }
            for n, user in enumerate(request.users["user_id"])
        ]
        return pl.DataFrame(rows, schema=SLATE_SCHEMA)


def test_a_model_that_serves_everybody_passes() -> None:
    assert check_slates(Fixed(), make_request(DATA)) == 6


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_scores_that_are_not_finite_are_refused(score: float) -> None:
    with pytest.raises(ModelError, match="not finite"):
        check_slates(Fixed(score), make_request(DATA))


def test_a_model_without_articles_for_most_readers_is_refused() -> None:
    with pytest.raises(ModelError, match="for 2 of 6 readers only"):
        check_slates(Fixed(served=2), make_request(DATA))
    assert check_slates(Fixed(served=3), make_request(DATA)) == 6


def test_a_moment_without_readers_or_candidates_refuses_nothing() -> None:
    request = make_request(DATA)
    assert check_slates(Fixed(), replace(request, users=request.users.clear())) == 0
    assert check_slates(Fixed(), replace(request, articles=request.articles.clear())) == 0
