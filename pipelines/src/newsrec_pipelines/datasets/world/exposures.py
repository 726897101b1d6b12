"""How often a reader was shown a headline before: what she has passed over tempts her less."""

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.visits import Visits

REMEMBERED = 3  # visits; what was shown before them is forgotten


def earlier_exposures(visits: Visits, slates: NDArray[np.int32]) -> NDArray[np.float32]:
    """For each place, how many of its reader's last visits before showed the same article.

    Args:
        visits: n visits in order of time; only these are looked back on.
        slates: (n, places) positions of articles, none twice in a row, -1 for an empty place.

    Returns:
        (n, places), up to `REMEMBERED`; 0 for empty places.
    """
    order = np.argsort(visits.reader, kind="stable")
    reader = visits.reader[order]
    # Place by place: whole columns are compared with each other, without any sorting.
    shown = np.ascontiguousarray(slates[order].T)
    seen = np.zeros(shown.shape, np.int8)
    for back in range(1, REMEMBERED + 1):
        same = reader[back:] == reader[:-back]
        for place, now in enumerate(shown[:, back:]):
            again = np.zeros(len(now), bool)
            for before in shown[:, :-back]:
                again |= now == before
            seen[place, back:] += again & same & (now >= 0)
    result = np.empty(slates.shape, np.float32)
    result[order] = seen.T
    return result
