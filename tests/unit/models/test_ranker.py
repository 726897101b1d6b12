import json

import numpy as np
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.ranker import Ranker
from support.factories_models import load_params

PARAMS = load_params().ranker
NAMES = ("clicks_1h", "content", "noise")


def examples(n: int = 2000, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    columns = np.column_stack([rng.poisson(3, n), rng.normal(size=n), rng.normal(size=n)])
    chance = 1 / (1 + np.exp(-(2 * columns[:, 1] - 1)))
    return columns.astype(float), (rng.random(n) < chance).astype(float)


def fit(columns: np.ndarray, share: np.ndarray, position: np.ndarray | None = None) -> Ranker:
    place = np.full(len(columns), np.nan) if position is None else position
    return Ranker.fit(columns, NAMES, share, place, ("content",), PARAMS)


def test_the_column_that_decides_gets_the_weight() -> None:
    columns, share = examples()
    ranker = fit(columns, share)
    weights = dict(zip(NAMES, ranker.coefficients, strict=True))
    assert weights["content"] > 1.5
    assert abs(weights["noise"]) < 0.2


def test_scores_estimate_the_share_read() -> None:
    columns, share = examples(20_000)
    assert fit(columns, share).score(columns).mean() == pytest.approx(share.mean(), abs=0.01)


def test_a_click_left_at_once_is_evidence_against_an_article() -> None:
    rng = np.random.default_rng(1)
    bait = rng.random(3000) < 0.5
    columns = np.column_stack([np.zeros(3000), bait, rng.normal(size=3000)]).astype(float)
    # Bait is clicked three times as often, and left after a second.
    clicked = rng.random(3000) < np.where(bait, 0.6, 0.2)
    share = np.where(clicked, np.where(bait, 1 / 60, 1.0), 0.0)
    assert fit(columns, share).coefficients[1] < -0.5


def test_being_at_the_top_of_a_list_is_no_merit() -> None:
    rng = np.random.default_rng(2)
    position = rng.integers(1, 11, 5000).astype(float)
    # What somebody put first gets the clicks, whatever it is.
    columns = np.column_stack([np.zeros(5000), -position, rng.normal(size=5000)])
    columns[:, 1] += rng.normal(scale=3, size=5000)
    share = (rng.random(5000) < 1 / position).astype(float)
    told, untold = fit(columns, share, position), fit(columns, share)
    assert abs(told.coefficients[1]) < 0.3 * untold.coefficients[1]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_examples_that_teach_nothing_give_equal_weights_to_the_scorers(share: float) -> None:
    columns, _ = examples(50)
    ranker = fit(columns, np.full(50, share))
    assert ranker.coefficients.tolist() == [0.0, 1.0, 0.0]


def test_no_example_at_all_gives_a_ranker_that_still_scores() -> None:
    ranker = fit(np.zeros((0, 3)), np.zeros(0))
    assert ranker.score(np.array([[0, 1.0, 0], [0, 2.0, 0]])).tolist() == pytest.approx(
        [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))]
    )


def test_a_column_that_never_varies_does_not_explode_later() -> None:
    columns, share = examples()
    columns[:, 2] = 0.0
    score = fit(columns, share).score(np.array([[3.0, 0.0, 1000.0]]))
    assert np.isfinite(score).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_never_leave_training(bad: float) -> None:
    columns, share = examples(50)
    columns[7, 1] = bad
    with pytest.raises(ModelError, match="not finite"):
        fit(columns, share)


def test_scores_do_not_depend_on_which_rows_come_with_them() -> None:
    columns, share = examples()
    ranker = fit(columns, share)
    together = ranker.score(columns)
    alone = np.concatenate([ranker.score(row[None]) for row in columns[:100]])
    assert together[:100].tobytes() == alone.tobytes()


def test_a_ranker_survives_json_bit_by_bit() -> None:
    columns, share = examples()
    ranker = fit(columns, share)
    again = Ranker.from_state(json.loads(json.dumps(ranker.state())))
    assert again.score(columns).tobytes() == ranker.score(columns).tobytes()
