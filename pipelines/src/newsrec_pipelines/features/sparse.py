"""Values of some cells of a large matrix, such as what a reader read of each category."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Values = NDArray[np.float32]


class Cells:
    """A matrix of which few cells have values; the others have the default.

    Cells are found by binary search: fast when those asked for come in order of their rows.
    """

    def __init__(self, keys: Codes, columns: int, values: Values, default: Values) -> None:
        self._keys = keys
        self._columns = columns
        self._values = values
        self._default = default

    @classmethod
    def of(
        cls, row: Codes, column: Codes, columns: int, values: Values, default: list[float]
    ) -> Self:
        """The cells with values.

        Args:
            row: shape (cells,).
            column: shape (cells,); no cell twice.
            columns: how many columns the matrix has.
            values: shape (cells, k).
            default: the k values of all other cells.
        """
        keys = row * columns + column
        if (keys[1:] > keys[:-1]).all():
            return cls(keys, columns, values, np.array(default, np.float32))
        order = np.argsort(keys)
        return cls(keys[order], columns, values[order], np.array(default, np.float32))

    def at(self, row: Codes, column: Codes) -> Values:
        """Shape (n, k): the values of the cells asked for."""
        if not len(self._keys):
            return np.tile(self._default, (len(row), 1))
        wanted = row * self._columns + column
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        found = self._keys[place] == wanted
        return np.where(found[:, None], self._values[place], self._default)
