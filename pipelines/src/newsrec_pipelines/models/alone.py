"""One opinion alone: what the ranker has to beat, under the same rules of slates."""

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.baselines import ByArticle
from newsrec_pipelines.models.protocols import Opinion, Rows


def alone(
    opinion: Opinion, newest: ByArticle, user_rows: Rows, k: int
) -> tuple[Pairs, NDArray[np.float64]]:
    """The best articles by one opinion, filled up with the newest, which also come first of equals.

    So an opinion that knows nothing of a reader gives her the newest articles, a stronger rival
    than chance.

    Args:
        opinion: what is ordered by.
        newest: the order by age.
        user_rows: readers.
        k: how many articles of each are looked at.

    Returns:
        Pairs, sorted by the rows of readers and articles, each once; and their scores.
    """
    found = [opinion.best(user_rows, k), newest.best(user_rows, k)]
    both = np.stack([np.concatenate(rows) for rows in zip(*found, strict=True)], axis=1)
    once = np.unique(both, axis=0)
    pairs = Pairs(once[:, 0], once[:, 1])
    newer = newest.of_pairs(pairs).astype(np.float64)
    # Small enough to decide between equal scores only.
    return pairs, opinion.of_pairs(pairs) + 1e-9 * newer
