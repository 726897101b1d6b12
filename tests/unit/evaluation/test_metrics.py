import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score, roc_auc_score

from newsrec_pipelines.evaluation.metrics import Mean, coverage, list_metrics, slate_metrics

# Lists of (score, clicked): distinct scores, so that there is one right answer.
LISTS = st.lists(
    st.lists(
        st.tuples(st.integers(-1000, 1000), st.booleans()),
        min_size=2,
        max_size=15,
        unique_by=lambda e: e[0],
    ).filter(lambda e: 0 < sum(c for _, c in e) < len(e)),
    min_size=1,
    max_size=6,
)


def measure(lists: list[list[tuple[int, bool]]]) -> dict[str, np.ndarray]:
    ids = [f"l{n:02d}" for n, examples in enumerate(lists) for _ in examples]
    scores, clicked = (np.array([e[i] for examples in lists for e in examples]) for i in (0, 1))
    # As many seconds as the score: the best one that was clicked was read longest.
    dwell = np.where(scores >= 0, scores, np.nan).astype(float)
    return list_metrics(ids, scores.astype(float), clicked.astype(bool), dwell, seed=1)


@settings(max_examples=100, deadline=None)
@given(LISTS)
def test_metrics_of_lists_agree_with_scikit_learn_and_brute_force(
    lists: list[list[tuple[int, bool]]],
) -> None:
    found = measure(lists)
    for n, examples in enumerate(lists):
        scores, clicked = ([e[i] for e in examples] for i in (0, 1))
        assert found["auc"][n] == pytest.approx(roc_auc_score(clicked, scores))
        for k in (5, 10):
            assert found[f"ndcg@{k}"][n] == pytest.approx(ndcg_score([clicked], [scores], k=k))
        ranked = [c for _, c in sorted(examples, reverse=True)]
        reciprocal = [1 / rank for rank, c in enumerate(ranked, 1) if c]
        assert found["mrr"][n] == pytest.approx(sum(reciprocal) / len(reciprocal))
        known = [s for s, c in examples if c and s >= 0]
        first = [s for s, c in sorted(examples, reverse=True)[:3] if c and s >= 0]
        assert found["seconds@3"][n] == pytest.approx(sum(first) if known else np.nan, nan_ok=True)


def test_equal_scores_are_worth_half_a_right_order() -> None:
    assert measure([[(1, True), (1, False), (1, False)]])["auc"].tolist() == [0.5]


def test_equal_scores_do_not_inherit_the_order_in_which_they_were_shown() -> None:
    # The shown order was perfect; a scorer without an opinion must not get the credit.
    lists = [[(0, True)] + [(0, False)] * 9 for _ in range(300)]
    assert measure(lists)["mrr"].mean() == pytest.approx(
        sum(1 / r for r in range(1, 11)) / 10, abs=0.06
    )


def test_lists_without_a_clicked_or_an_unclicked_article_are_left_out() -> None:
    found = measure([[(1, True), (2, True)], [(1, False), (2, False)], [(2, True), (1, False)]])
    assert {name: values.tolist() for name, values in found.items()} == {
        "auc": [1.0],
        "mrr": [1.0],
        "ndcg@5": [1.0],
        "ndcg@10": [1.0],
        "seconds@3": [2.0],
    }


def test_nothing_to_judge_gives_no_value() -> None:
    assert all(len(v) == 0 for v in measure([[(1, True)]]).values())


GAINS = st.dictionaries(st.integers(0, 14), st.floats(0, 1), min_size=1, max_size=14)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 14), max_size=15, unique=True), GAINS)
def test_metrics_of_slates_agree_with_brute_force(
    slate: list[int], gains: dict[int, float]
) -> None:
    slates = pl.DataFrame(
        {"user_id": ["u"], "article_ids": [[str(a) for a in slate]]},
        schema={"user_id": pl.String, "article_ids": pl.List(pl.String)},
    )
    relevant = pl.DataFrame(
        {
            "user_id": ["u"] * len(gains),
            "article_id": [str(a) for a in gains],
            "gain": gains.values(),
        },
        schema={"user_id": pl.String, "article_id": pl.String, "gain": pl.Float64},
    )
    found = slate_metrics(slates, relevant)
    top = slate[:10]
    hits = [a for a in top if a in gains]
    assert found["recall@10"] == pytest.approx([len(hits) / len(gains)])
    assert found["hr@10"] == [float(bool(hits))]

    def dcg(values: list[float]) -> float:
        return sum(v / math.log2(i + 2) for i, v in enumerate(values[:10]))

    ideal = dcg([1.0] * len(gains))
    assert found["slate_ndcg@10"] == pytest.approx([dcg([float(a in gains) for a in top]) / ideal])
    best = dcg(sorted(gains.values(), reverse=True))
    expected = dcg([gains.get(a, 0.0) for a in top]) / best if best > 0 else math.nan
    assert found["dwell_ndcg@10"] == pytest.approx([expected], nan_ok=True)
    first = next((rank for rank, a in enumerate(top, 1) if a in gains), math.inf)
    assert found["mrr@10"] == pytest.approx([1 / first])


def test_a_reader_without_a_slate_has_an_empty_one() -> None:
    slates = pl.DataFrame(schema={"user_id": pl.String, "article_ids": pl.List(pl.String)})
    relevant = pl.DataFrame({"user_id": ["u"], "article_id": ["a"], "gain": [1.0]})
    found = slate_metrics(slates, relevant)
    assert {name: values.tolist() for name, values in found.items()} == {
        "recall@10": [0.0],
        "hr@10": [0.0],
        "mrr@10": [0.0],
        "slate_ndcg@10": [0.0],
        "dwell_ndcg@10": [0.0],
    }


def test_coverage_counts_the_first_ten_of_each_slate_once() -> None:
    ids = [str(n) for n in range(12)]
    slates = pl.DataFrame({"user_id": ["u", "v"], "article_ids": [ids, ids[:3]]})
    assert coverage(slates, 20) == 0.5
    assert coverage(slates, 0) is None
    assert coverage(slates.clear(), 20) == 0.0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.integers(0, 30))
def test_means_add_up_over_days(values: list[float], cut: int) -> None:
    whole = Mean.of(np.array(values))
    parts = Mean.of(np.array(values[:cut])) + Mean.of(np.array(values[cut:]))
    assert parts.value == pytest.approx(np.mean(values), abs=1e-9)
    assert whole.error == pytest.approx(np.std(values, ddof=1) / math.sqrt(len(values)), abs=1e-6)


def test_the_mean_of_nothing_is_no_number() -> None:
    assert Mean().value is None
    assert Mean().error is None
    assert Mean.of(np.array([0.5])).error is None
    assert Mean.of(np.array([0.5, math.nan, 1.0])).value == 0.75
