"""Single values of sparse matrices, by rows from wherever."""

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from newsrec_pipelines.models.sparse import values_at

MATRIX = csr_matrix(np.arange(12, dtype=np.float32).reshape(3, 4))


def test_rows_may_come_from_columns_of_several_chunks() -> None:
    part = pl.DataFrame({"row": [0, 2], "column": [1, 3]})
    pairs = pl.concat([part, part[:1]], rechunk=False)
    found = values_at(MATRIX, pairs["row"].to_numpy(), pairs["column"].to_numpy())
    assert found.tolist() == [1.0, 11.0, 1.0]


def test_nothing_is_found_in_nothing() -> None:
    rows = np.array([0, 1])
    assert values_at(csr_matrix((3, 4), dtype=np.float32), rows, rows).tolist() == [0, 0]
    assert values_at(MATRIX, rows[:0], rows[:0]).tolist() == []
