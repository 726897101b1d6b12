import json

import numpy as np
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.ranker import Ranker
from support.factories_models import load_params, with_params

PARAMS = load_params().ranker
NAMES = ("clicks_1h", "content", "noise")
SIZE = 10  # articles in a list
UNKNOWN = np.nan


def examples(lists: int = 400, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Columns, and grades that the second one decides."""
    rng = np.random.default_rng(seed)
    n = lists * SIZE
    columns = np.column_stack([rng.poisson(3, n), rng.normal(size=n), rng.normal(size=n)])
    chance = 1 / (1 + np.exp(-(2 * columns[:, 1] - 1)))
    return columns.astype(np.float32), rng.binomial(PARAMS.grades, chance)


def fit(
    columns: np.ndarray,
    grades: np.ndarray,
    position: np.ndarray | None = None,
    used: tuple[str, ...] | None = None,
) -> Ranker:
    place = np.full(len(columns), UNKNOWN) if position is None else position
    starts = np.arange(0, len(columns) + 1, SIZE)
    return Ranker.fit(columns, NAMES, starts, grades, place, ("content",), PARAMS, 7, used)


COLUMNS, GRADES = examples()
RANKER = fit(COLUMNS, GRADES)


def test_the_column_that_decides_is_looked_at_most() -> None:
    importance = RANKER.importance()
    assert importance["content"] > 0.8
    assert sum(importance.values()) == pytest.approx(1)


def test_lists_that_were_never_seen_are_ordered() -> None:
    columns, grades = examples(seed=6)
    score = RANKER.score(columns).reshape(-1, SIZE)
    best, worst = (getattr(np, f"arg{end}")(score, axis=1)[:, None] for end in ("max", "min"))
    grade = grades.reshape(-1, SIZE)
    lift = np.take_along_axis(grade, best, 1).mean() - np.take_along_axis(grade, worst, 1).mean()
    assert lift > 2


def test_being_at_the_top_of_a_list_is_no_merit() -> None:
    rng = np.random.default_rng(2)
    position = np.tile(np.arange(1.0, SIZE + 1), 500)
    # What somebody put first gets the clicks, whatever it is.
    columns = np.column_stack([np.zeros(5000), -position, rng.normal(size=5000)])
    columns[:, 1] += rng.normal(scale=3, size=5000)
    grades = np.where(rng.random(5000) < 1 / position, PARAMS.grades, 0)
    spread = [
        np.ptp(fit(columns.astype(np.float32), grades, place).score(probe()))
        for place in (position, None)
    ]
    assert spread[0] < 0.5 * spread[1]


def probe() -> np.ndarray:
    """Rows that differ in the second column only."""
    return np.column_stack([np.zeros(20), np.linspace(-10, 0, 20), np.zeros(20)]).astype(np.float32)


def test_a_long_read_weighs_more_than_a_short_one() -> None:
    # Bait beside a good article: bait is opened in half of the lists and hardly read, the good one
    # is read whole in the other half.
    columns = np.zeros((4000, 3), np.float32)
    first = np.arange(0, 4000, SIZE)
    columns[first, 0] = 1
    columns[first + 1, 1] = 1
    grades = np.zeros(4000, int)
    grades[first[::2]], grades[first[1::2] + 1] = 1, PARAMS.grades
    clickbait, worthwhile, other = fit(columns, grades).score(np.eye(3, dtype=np.float32))
    assert worthwhile > clickbait > other


def test_contributions_sum_up_to_the_score() -> None:
    shares = RANKER.contributions(COLUMNS[:200])
    assert shares.shape == (200, len(NAMES) + 1)
    assert shares.sum(axis=1) == pytest.approx(RANKER.score(COLUMNS[:200]), abs=1e-6)
    assert np.ptp(shares[:, -1]) == 0


def test_a_column_that_is_switched_off_has_no_say() -> None:
    ranker = fit(COLUMNS, GRADES, used=("clicks_1h", "noise"))
    other = COLUMNS.copy()
    other[:, 1] = 99
    assert np.array_equal(ranker.score(other), ranker.score(COLUMNS))
    assert (ranker.contributions(COLUMNS[:5])[:, 1] == 0).all()


@pytest.mark.parametrize("grade", [0, PARAMS.grades])
def test_lists_without_any_difference_leave_the_sum_of_the_scorers(grade: int) -> None:
    ranker = fit(COLUMNS, np.full(len(COLUMNS), grade))
    assert ranker.trees == 0
    assert ranker.score(COLUMNS) == pytest.approx(COLUMNS[:, 1])
    assert ranker.contributions(COLUMNS).sum(axis=1) == pytest.approx(ranker.score(COLUMNS))


def test_nothing_to_learn_from_is_no_error() -> None:
    ranker = Ranker.fit(
        np.zeros((0, 3), np.float32),
        NAMES,
        np.zeros(1, np.int64),
        np.zeros(0, np.int64),
        np.zeros(0),
        ("content",),
        PARAMS,
        7,
    )
    assert ranker.score(COLUMNS[:3]) == pytest.approx(COLUMNS[:3, 1])


def test_values_that_are_no_numbers_are_refused() -> None:
    broken = COLUMNS.copy()
    broken[3, 2] = np.inf
    with pytest.raises(ModelError, match=r"no finite numbers.*noise"):
        fit(broken, GRADES)


def test_the_same_lists_and_seed_give_the_same_text() -> None:
    assert fit(COLUMNS, GRADES).text == RANKER.text
    params = with_params(ranker={"trees": 3}).ranker
    starts = np.arange(0, len(COLUMNS) + 1, SIZE)
    nowhere = np.full(len(COLUMNS), UNKNOWN)
    few = Ranker.fit(COLUMNS, NAMES, starts, GRADES, nowhere, (), params, 7)
    assert few.trees == 3


def test_a_score_depends_neither_on_the_other_rows_nor_on_the_threads() -> None:
    whole = RANKER.score(COLUMNS)
    assert np.array_equal(RANKER.score(COLUMNS[7:19], threads=1), whole[7:19])
    assert np.array_equal(RANKER.score(COLUMNS, threads=2), whole)


def test_a_saved_ranker_gives_the_same_scores() -> None:
    state = json.loads(json.dumps(RANKER.state()))
    assert np.array_equal(Ranker.from_state(state).score(COLUMNS), RANKER.score(COLUMNS))


def test_a_text_that_is_no_model_is_refused() -> None:
    state = {**RANKER.state(), "text": "tree\nrubbish"}
    with pytest.raises(ModelError, match="no model of LightGBM"):
        Ranker.from_state(state)
