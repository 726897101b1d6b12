"""Row numbers of ids: the way from opaque text to rows of an array."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Index:
    """Ids in a fixed order."""

    def __init__(self, ids: Sequence[str] | pl.Series) -> None:
        self.ids = pl.Series("id", ids, dtype=pl.String)
        self._rows = self.ids.to_frame().with_row_index("row")

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, ids: pl.Series) -> NDArray[np.int64]:
        """The row of each id, -1 for ids that are not in the index."""
        if isinstance(ids.dtype, pl.Enum):
            of_category = np.append(self.rows(ids.dtype.categories), -1)
            return of_category[ids.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()]
        found = (
            ids.alias("id").to_frame().join(self._rows, on="id", how="left", maintain_order="left")
        )
        return found["row"].cast(pl.Int64).fill_null(-1).to_numpy()


def coded(ids: pl.Series) -> tuple[Index, NDArray[np.int64]]:
    """The ids that occur, sorted, and the row of each."""
    known = ids.unique().sort()
    # Faster than a join, since every id is known.
    return Index(known), ids.cast(pl.Enum(known)).to_physical().cast(pl.Int64).to_numpy()
