"""Sparse matrices of readers, articles and categories: single values, and the best of each row."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Rows = NDArray[np.int64]


def values_at(
    matrix: csr_matrix, rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> NDArray[np.float32]:
    """``matrix[rows[i], columns[i]]``, shape (rows,)."""
    if not len(rows) or not matrix.nnz:
        return np.zeros(len(rows), np.float32)
    # Copies: SciPy sets flags of its indices, which polars refuses for columns of several chunks.
    return np.asarray(matrix[np.array(rows), np.array(columns)], np.float32).ravel()


def ragged(counts: Rows) -> tuple[Rows, Rows]:
    """Row and place of each element of rows with so many elements.

    ``ragged([2, 1])`` is ``[0, 0, 1]`` and ``[0, 1, 0]``.
    """
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)


def largest(matrix: csr_matrix, k: int) -> tuple[Rows, Rows]:
    """Row and column of the `k` largest positive values of each row, by falling value.

    Of equal values the first column is the larger.
    """
    cells = matrix.tocoo()
    good = cells.data > 0
    row, column, value = cells.row[good], cells.col[good], cells.data[good]
    order = np.lexsort((column, -value, row))
    _, place = ragged(np.bincount(row, minlength=matrix.shape[0]))
    first = order[place < k]
    return row[first].astype(np.int64), column[first].astype(np.int64)
