"""The front page: what visitors see who get no slate of ours. Fresh, popular, and some chance."""

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.articles import Articles
from newsrec_pipelines.datasets.world.readers import Readers
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.taxonomy import HOUR_US, LANGUAGES
from newsrec_pipelines.datasets.world.visits import Visits
from newsrec_pipelines.schemas import REGIONS

PLACES = 10
_POOL = 32  # the editors' choice at a moment; each visit sees some of it
_EDITION_US = HOUR_US // 2  # the editors choose anew every half hour
_OTHER_LANGUAGE = -6.0  # only when there is nothing else
_ELSEWHERE = -6.0  # so is what is meant for another region


def front_pages(
    seed: int, readers: Readers, articles: Articles, visits: Visits
) -> NDArray[np.int32]:
    """The lists that the visits see.

    Returns:
        (visits, PLACES) positions in `articles`, the top place first, -1 where there is none.
    """
    rng = stream(seed, f"front pages {visits.name}", visits.day)
    # The editors know roughly what attracts, as click counts tell them, and distrust clickbait.
    opinion = stream(seed, "editors", visits.day).normal(0, 0.7, len(articles))
    worth = 0.6 * articles.appeal - 0.6 * articles.clickbait + opinion
    pages = np.full((len(visits), PLACES), -1, np.int32)
    edition = visits.shown_us // _EDITION_US
    language, region = readers.language[visits.reader], readers.region[visits.reader]
    group = (edition * len(LANGUAGES) + language) * len(REGIONS) + region
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        row = rows[0]
        pool, score = _pool(articles, worth, edition[row] * _EDITION_US, language[row], region[row])
        # Sampling without replacement, as an exponential race (Efraimidis & Spirakis 2006).
        race = rng.standard_exponential((len(rows), len(pool)), np.float32) * np.exp(-score)
        shown = np.argsort(race, axis=1)[:, :PLACES]
        pages[rows, : shown.shape[1]] = pool[shown]
    return pages


def _pool(
    articles: Articles, worth: NDArray[np.float64], now_us: int, language: int, region: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    published = np.searchsorted(articles.published_us, now_us)
    age = (now_us - articles.published_us[:published]) / HOUR_US
    score = worth[:published] - 1.0 * age / articles.half_life[:published]
    near = articles.region[:published] == region
    score += 0.4 * near + _ELSEWHERE * (articles.local[:published] & ~near)
    score += _OTHER_LANGUAGE * (articles.language[:published] != language)
    # All but the pool need no order.
    best = np.argpartition(-score, _POOL)[:_POOL] if published > _POOL else np.arange(published)
    best = best[np.argsort(-score[best], kind="stable")]
    return best.astype(np.int32), score[best].astype(np.float32)
