import polars as pl
import pytest
from pydantic import ValidationError

from newsrec_pipelines.models.reliability import reliability_of, standing
from support.factories_models import with_params

PARAMS = with_params(
    slate={
        "reliability": {"good": 0.9, "so-so": 0.5, "weak": 0.49, "least": 0.3, "bad": 0.29},
        "unrated_reliability": 0.7,
        "held_back_below": 0.5,
        "least_reliability": 0.3,
    }
).slate
NAMES = pl.Series(["good", "so-so", "weak", "least", "bad", "unheard of"])


def test_ratings_are_by_name_and_others_have_the_rating_of_the_unrated() -> None:
    assert reliability_of(NAMES, PARAMS).to_list() == [0.9, 0.5, 0.49, 0.3, 0.29, 0.7]
    nobody = with_params(slate={"reliability": {}, "unrated_reliability": 0.7}).slate
    assert reliability_of(NAMES, nobody).to_list() == [0.7] * 6
    assert reliability_of(NAMES.clear(), PARAMS).to_list() == []


def test_the_bounds_belong_to_the_better_side() -> None:
    found = standing(NAMES, PARAMS)
    assert found.recommended.tolist() == [True, True, True, True, False, True]
    assert found.held_back.tolist() == [False, False, True, True, True, False]


@pytest.mark.parametrize("rating", [-0.1, 1.1])
def test_a_rating_is_between_0_and_1(rating: float) -> None:
    with pytest.raises(ValidationError, match=r"reliability\.good"):
        with_params(slate={"reliability": {"good": rating}})
