import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.evaluation.bootstrap import Bootstrap
from newsrec_pipelines.parameters import BacktestParams

PARAMS = BacktestParams(bootstrap=400)


def bootstrap(readers: list[int], seed: int = 1, params: BacktestParams = PARAMS) -> Bootstrap:
    return Bootstrap(np.array(readers, dtype=np.int64), params, seed)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(0, 1) | st.just(float("nan"))),
        min_size=1,
        max_size=40,
    )
)
def test_the_mean_is_that_of_the_values_there_are(lists: list[tuple[int, float]]) -> None:
    values = np.array([v for _, v in lists])
    found = bootstrap([r for r, _ in lists]).means(values[:, None])
    if np.isfinite(values).any():
        assert found.point[0] == pytest.approx(np.nanmean(values))
        low, high = np.nanmin(values), np.nanmax(values)
        resampled = found.resampled[np.isfinite(found.resampled)]
        assert ((resampled >= low - 1e-9) & (resampled <= high + 1e-9)).all()
    else:
        assert np.isnan(found.point[0])
        assert np.isnan(found.resampled).all()


def test_a_reader_is_drawn_with_all_her_lists() -> None:
    # One reader has 30 lists worth 1, thirty readers have one list each, worth 0.
    readers = [0] * 30 + list(range(1, 31))
    found = bootstrap(readers).means(np.array([1.0] * 30 + [0.0] * 30)[:, None])
    spread = found.resampled[:, 0]
    assert found.point[0] == 0.5
    # Left out in a third of the resamples (1/e); lists drawn one by one would never give 0.
    assert (spread == 0).mean() == pytest.approx(np.exp(-1), abs=0.08)


def test_intervals_of_independent_readers_are_those_of_the_central_limit() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(2_000, 1))
    boot = bootstrap(list(range(2_000)))
    found = boot.means(values)
    low, high = boot.interval(found.resampled)
    error = values.std(ddof=1) / np.sqrt(2_000)
    assert (high - low)[0] == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert low[0] < found.point[0] < high[0]


def test_a_smaller_confidence_gives_a_narrower_interval() -> None:
    values = np.random.default_rng(3).normal(size=(200, 1))
    widths = []
    for confidence in (0.5, 0.95):
        boot = bootstrap(list(range(200)), params=BacktestParams(confidence=confidence))
        low, high = boot.interval(boot.means(values).resampled)
        widths.append((high - low)[0])
    assert widths[0] < 0.5 * widths[1]


def test_differences_are_paired_within_a_call_and_between_calls() -> None:
    rng = np.random.default_rng(5)
    one = rng.normal(size=300)
    readers = rng.integers(0, 80, 300).tolist()
    boot = bootstrap(readers)
    found = boot.means(np.stack([one, one + 0.25], axis=1))
    assert found.resampled[:, 1] - found.resampled[:, 0] == pytest.approx(0.25)
    again = boot.means(one[:, None])
    assert (again.resampled[:, 0] == found.resampled[:, 0]).all()


def test_resamples_do_not_depend_on_how_many_are_held_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(5).normal(size=(50, 1))
    whole = bootstrap(list(range(50))).means(values)
    monkeypatch.setattr("newsrec_pipelines.evaluation.bootstrap._CELLS", 150)
    parts = bootstrap(list(range(50))).means(values)
    assert (parts.resampled == whole.resampled).all()


def test_a_single_reader_has_a_mean_and_no_interval() -> None:
    boot = bootstrap([0, 0, 1])
    found = boot.means(np.array([[0.5, 0.5], [1.0, 1.0], [np.nan, 0.0]]))
    low, high = boot.interval(found.resampled)
    assert found.point.tolist() == [0.75, 0.5]
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] < high[1]


def test_nothing_has_no_interval() -> None:
    boot = bootstrap([])
    found = boot.means(np.empty((0, 2)))
    assert np.isnan(found.point).all()
    assert np.isnan(boot.interval(found.resampled)).all()
