"""Cells of a large matrix, against a dense one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.features.sparse import Cells

cells = st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 3)), st.integers(1, 9))


@given(cells)
def test_cells_are_those_of_a_dense_matrix(given_cells: dict[tuple[int, int], int]) -> None:
    dense = np.full((6, 4, 2), (-1.0, -2.0), np.float32)
    for place, value in given_cells.items():
        dense[place] = (value, -value)
    places = np.array(list(given_cells), np.int64).reshape(-1, 2)
    values = np.array([(v, -v) for v in given_cells.values()], np.float32).reshape(-1, 2)
    made = Cells.of(places[:, 0], places[:, 1], 4, values, [-1.0, -2.0])
    row, column = np.divmod(np.arange(24)[::-1], 4)
    np.testing.assert_array_equal(made.at(row, column), dense[row, column])


def test_rows_times_columns_may_exceed_32_bits() -> None:
    last = 600_000
    made = Cells.of(
        np.array([last]), np.array([299_999]), 300_000, np.ones((1, 1), np.float32), [0.0]
    )
    got = made.at(np.array([last, last, 0]), np.array([299_999, 0, 299_999]))
    assert got.ravel().tolist() == [1.0, 0.0, 0.0]
