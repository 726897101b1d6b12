"""Earlier exposures are counted as slowly counting them would."""

from collections import defaultdict
from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.datasets.world.exposures import REMEMBERED, earlier_exposures
from newsrec_pipelines.datasets.world.visits import MAIN, Visits

PLACES = 3


def visits(readers: list[int]) -> Visits:
    n = len(readers)
    return Visits(
        day=date(2026, 3, 1),
        name=MAIN,
        number=np.arange(n),
        reader=np.array(readers, np.int64),
        shown_us=np.arange(n),
        share=np.zeros(n),
        delay_days=np.zeros(n, np.int64),
    )


slate = st.lists(st.integers(0, 5), max_size=PLACES, unique=True)


@given(st.lists(st.tuples(st.integers(0, 2), slate), max_size=12))
def test_each_place_counts_the_readers_last_visits_that_showed_it(
    came: list[tuple[int, list[int]]],
) -> None:
    matrix = np.full((len(came), PLACES), -1, np.int32)
    expected = np.zeros(matrix.shape)
    before: dict[int, list[list[int]]] = defaultdict(list)
    for row, (reader, articles) in enumerate(came):
        remembered = before[reader][-REMEMBERED:]
        for place, article in enumerate(articles):
            matrix[row, place] = article
            expected[row, place] = sum(article in shown for shown in remembered)
        before[reader].append(articles)

    counted = earlier_exposures(visits([reader for reader, _ in came]), matrix)

    assert counted.tolist() == expected.tolist()
