import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.evaluation.beyond_accuracy import Background, beyond_metrics

NAMES = [f"a{n}" for n in range(14)]


def background(openers: list[int], readers: int, vectors: np.ndarray | None = None) -> Background:
    count = len(openers)
    return Background(
        pl.Series(NAMES[:count]),
        np.array(openers),
        readers,
        np.eye(count, dtype=np.float32) if vectors is None else vectors.astype(np.float32),
    )


def measure(slates: list[list[str]], known: Background) -> dict[str, np.ndarray]:
    frame = pl.DataFrame(
        {"user_id": [f"u{n}" for n in range(len(slates))], "article_ids": slates},
        schema={"user_id": pl.String, "article_ids": pl.List(pl.String)},
    )
    return beyond_metrics(frame, known)


def test_what_everybody_has_read_is_not_novel_at_all() -> None:
    found = measure([["a0"], ["a1"], ["a0", "a1"]], background([7, 0], 7))
    assert found["novelty"] == pytest.approx([0.0, 3.0, 1.5])


@given(
    st.lists(
        st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(
            lambda v: np.linalg.norm(v) > 0.1
        ),
        min_size=2,
        max_size=14,
    )
)
def test_diversity_agrees_with_brute_force(rows: list[list[float]]) -> None:
    vectors = np.array(rows) / np.linalg.norm(rows, axis=1)[:, None]
    slate = NAMES[: len(rows)]
    found = measure([slate], background([0] * len(rows), 5, vectors))["diversity"][0]
    top = vectors[:10]
    pairs = [1 - top[i] @ top[j] for i in range(len(top)) for j in range(i)]
    assert found == pytest.approx(sum(pairs) / len(pairs), abs=1e-5)


def test_only_the_first_ten_count() -> None:
    known = background([0] * 10 + [100] * 4, 1_000)
    found = measure([NAMES], known)["novelty"][0]
    assert found == pytest.approx(math.log2(1_001))


def test_too_little_to_measure_is_not_a_number() -> None:
    found = measure([[], ["a0"], ["a0", "a1"]], background([1, 2], 3))
    assert np.isnan(found["novelty"]).tolist() == [True, False, False]
    assert np.isnan(found["diversity"]).tolist() == [True, True, False]
    nobody_knows = background([1, 2], 3, np.zeros((2, 3)))
    assert np.isnan(measure([["a0", "a1"]], nobody_knows)["diversity"]).all()
