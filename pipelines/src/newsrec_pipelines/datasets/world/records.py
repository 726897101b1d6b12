"""Articles and readers as JSON records with the landing zone's fields."""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.articles import Articles, articles_of
from newsrec_pipelines.datasets.world.dirt import Record, count
from newsrec_pipelines.datasets.world.headlines import Text, corrected, write_texts
from newsrec_pipelines.datasets.world.readers import Readers, by_category
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.taxonomy import (
    CATEGORIES,
    CATEGORY_OF,
    DAY_US,
    HOMES,
    LANGUAGES,
    PUBLISHERS,
    SUBCATEGORIES,
    day_start_us,
    to_datetime,
)
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import REGIONS

_CHANGED_MINDS = 0.002  # share of the readers who choose other categories on a day


def new_articles(params: WorldParams, day: date) -> list[Record]:
    """The articles that are published on a day."""
    articles = articles_of(params, day)
    texts = write_texts(params, day)
    rows = zip(range(len(articles)), articles.ids(), texts, strict=True)
    return [_article(articles, i, key, text) for i, key, text in rows]


def corrected_articles(params: WorldParams, day: date) -> list[Record]:
    """Articles of the day before that are corrected on this day; none on the first day."""
    before = day - timedelta(days=1)
    if before < params.start:
        return []
    articles, texts = articles_of(params, before), write_texts(params, before)
    wanted = min(count(params.dirt.corrections, len(articles)), len(articles))
    rows = stream(params.seed, "corrections", day).choice(len(articles), wanted, replace=False)
    ids = articles.ids()
    return [
        _article(articles, i, ids[i], corrected(texts[i], LANGUAGES[articles.language[i]]))
        for i in sorted(rows.tolist())
    ]


def new_readers(readers: Readers, day: date, start: date) -> list[Record]:
    """The readers who join on a day; on the world's first day also all who joined before."""
    begin, end = day_start_us(day), day_start_us(day) + DAY_US
    joined = readers.joined_us
    rows = np.flatnonzero((joined < end) & ((joined >= begin) | (day == start)))
    return _readers(readers, rows, readers.preferred[rows])


def changed_readers(params: WorldParams, readers: Readers, day: date) -> list[Record]:
    """Some readers choose the categories that they like on this day; none on the first day."""
    if day == params.start:
        return []
    rng = stream(params.seed, "changed minds", day)
    known = np.flatnonzero(readers.joined_us < day_start_us(day))
    rows = np.sort(known[rng.random(len(known)) < _CHANGED_MINDS])
    liking = by_category(readers.interests[rows])
    favourites = np.argsort(np.argsort(-liking, axis=1), axis=1) < rng.integers(
        1, 4, (len(rows), 1)
    )
    return _readers(readers, rows, favourites)


def _article(articles: Articles, i: int, key: str, text: Text) -> Record:
    language = LANGUAGES[articles.language[i]]
    subcategory = int(articles.subcategory[i])
    record = {
        "article_id": key,
        "publisher": PUBLISHERS[articles.publisher[i]].name,
        "title": text.title,
        "abstract": text.abstract,
        "category": CATEGORIES[CATEGORY_OF[subcategory]],
        "subcategory": SUBCATEGORIES[subcategory],
        "language": language,
        "url": f"https://news.example.org/{language}/{key}",
        "published_at": to_datetime(int(articles.published_us[i])),
        "tags": [SUBCATEGORIES[subcategory], text.city],
    }
    if articles.local[i]:
        record["regions"] = [REGIONS[articles.region[i]]]
    return record


def _readers(
    readers: Readers, rows: NDArray[np.int64], preferred: NDArray[np.bool_]
) -> list[Record]:
    """Records of the readers `rows`, who prefer the categories of (rows, categories)."""
    # The world's first day has them all: what can be done for many at once is done here.
    choices = preferred @ (1 << np.arange(len(CATEGORIES)))
    names = {
        c: [name for i, name in enumerate(CATEGORIES) if c >> i & 1]
        for c in np.unique(choices).tolist()
    }
    columns = (readers.home, readers.joined_us, readers.digest, readers.has_email)
    values = zip(*(c[rows].tolist() for c in columns), strict=True)
    records = []
    for number, choice, (home, joined_us, digest, has_email) in zip(
        rows.tolist(), choices.tolist(), values, strict=True
    ):
        key = readers.id(number)
        record = {
            "user_id": key,
            "region": HOMES[home].region,
            "language": HOMES[home].language,
            "timezone": HOMES[home].timezone,
            "preferred_categories": names[choice],
            "joined_at": to_datetime(joined_us),
            "consents": {"email_digest": digest},
        }
        if has_email:
            record["email"] = f"{key}@example.org"
        records.append(record)
    return records
