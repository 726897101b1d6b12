"""How an article stands within its list: its rank, and its share of the list's sum."""

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float32]


def list_features(columns: Columns, starts: NDArray[np.int64]) -> Columns:
    """Rank and share of each value within its list.

    The rank is 0 for the highest and 1 for the lowest value, the mean rank of equal ones, and 0 in
    a list of one. The share is of the sum of the list, in units of an equal share: 1 is as much as
    the mean of the list, whether ten articles were shown or a hundred are candidates. It is 0 when
    the sum is; values below zero count with their magnitude in the sum.

    Args:
        columns: shape (n, c); the rows of a list lie together. Finite.
        starts: shape (lists + 1,): list i has the rows from ``starts[i]`` until ``starts[i + 1]``.

    Returns:
        Shape (n, 2 c): the ranks of all columns, then their shares.
    """
    n, width = columns.shape
    lengths = np.diff(starts)
    result = np.zeros((n, 2 * width), np.float32)
    if n == 0:
        return result
    of_row = np.repeat(np.arange(len(lengths)), lengths)
    first = starts[:-1][of_row]
    others = np.maximum(lengths - 1, 1)[of_row]
    for c in range(width):
        # Adding 0 makes -0.0 equal to 0.0 bit by bit.
        values = columns[:, c] + np.float32(0)
        order = _descending(of_row, values)
        result[order, c] = (_mean_positions(of_row, values[order]) - first) / others
        sums = np.bincount(of_row, np.abs(values), len(lengths))
        means = (sums / np.maximum(lengths, 1))[of_row]
        np.divide(values, means, out=result[:, width + c], where=means != 0, casting="same_kind")
    return result


def _descending(of_row: NDArray[np.int64], values: Columns) -> NDArray[np.int64]:
    """The order of the rows by list, then from high to low; of equal values any order."""
    bits = values.view(np.int32).astype(np.int64)
    # IEEE 754: bits of floats are in the order of the floats, but reversed below zero.
    ascending = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    return np.argsort((of_row << 33) - ascending)


def _mean_positions(of_row: NDArray[np.int64], ordered: Columns) -> NDArray[np.float64]:
    """The mean position of each run of equal values of one list."""
    new = np.empty(len(ordered), bool)
    new[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    new[1:] |= of_row[1:] != of_row[:-1]
    starts = np.flatnonzero(new)
    lengths = np.diff(np.append(starts, len(ordered)))
    return np.repeat(starts + (lengths - 1) / 2, lengths)
