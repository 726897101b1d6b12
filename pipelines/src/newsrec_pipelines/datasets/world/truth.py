"""The hidden truth beside the landing zone, for tests and evaluation: no model may read it."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.articles import articles_of
from newsrec_pipelines.datasets.world.behaviour import Views
from newsrec_pipelines.datasets.world.files import write_parquet
from newsrec_pipelines.datasets.world.readers import STARTS, readers_on
from newsrec_pipelines.datasets.world.tables import reader_ids, view_ids
from newsrec_pipelines.datasets.world.taxonomy import CATEGORIES, CATEGORY_OF, SUBCATEGORIES
from newsrec_pipelines.datasets.world.traffic import Traffic
from newsrec_pipelines.datasets.world.visits import Visits
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.store import Store

_WORLD = "truth/world.json"


def claim_world(store: Store, params: WorldParams) -> None:
    """Note which world fills this store.

    Raises:
        DataError: when it is another one: days of two worlds must not mix.
    """
    ours = params.model_dump(mode="json", exclude={"history_days"})
    if not store.keys(_WORLD):
        store.write_json(_WORLD, ours)
    elif (theirs := store.read_json(_WORLD)) != ours:
        names = [k for k in ours if not isinstance(theirs, dict) or theirs.get(k) != ours[k]]
        raise DataError(
            f"{store.url} holds days of another world ({', '.join(names)} differ): "
            "use another store or remove landing/ and truth/"
        )


def claim_day(store: Store, day: date, front_page_share: float) -> None:
    """Note how a day is divided between the front page and our slates.

    Raises:
        DataError: when it was written otherwise before: a closed day never changes.
    """
    key = _day_key(day)
    if not store.keys(key):
        store.write_json(key, {"front_page_share": front_page_share})
    elif (before := front_page_share_of(store, day)) != front_page_share:
        raise DataError(
            f"{day} was written with a front page share of {before}: a closed day never changes"
        )


def front_page_share_of(store: Store, day: date) -> float:
    """The share of a day's visits that saw the front page.

    Raises:
        DataError: when the day was not simulated.
    """
    key = _day_key(day)
    if not store.keys(key):
        raise DataError(
            f"{day} was not simulated in {store.url}: "
            f"run newsrec simulate days --from {day} --to {day} first"
        )
    raw: Any = store.read_json(key)
    try:
        return float(raw["front_page_share"])
    except (KeyError, TypeError, ValueError) as e:
        raise DataError(f"{key} in {store.url} has no front_page_share") from e


def write_truth(store: Store, params: WorldParams, day: date, traffic: list[Traffic]) -> None:
    """Write what is true of a day's articles and views, and of the readers."""
    shifted = params.shift_day is not None and day >= params.shift_day
    readers_key = f"truth/readers/{'after_shift' if shifted else 'from_start'}.parquet"
    if not store.keys(readers_key):
        write_parquet(store, readers_key, _readers(params, day))
    write_parquet(store, f"truth/articles/dt={day}/articles.parquet", _articles(params, day))
    views = pa.concat_tables(_views(t.visits, t.views) for t in traffic)
    write_parquet(store, f"truth/views/dt={day}/front_page.parquet", views)


def write_slate_truth(store: Store, visits: Visits, views: Views) -> None:
    """Write what is true of the views of our slates."""
    key = f"truth/views/dt={visits.day}/slates.parquet"
    write_parquet(store, key, _views(visits, views))


def _day_key(day: date) -> str:
    return f"truth/days/dt={day}/day.json"


def _readers(params: WorldParams, day: date) -> pa.Table:
    readers = readers_on(params, day)
    columns = {
        "user_id": reader_ids(np.arange(len(readers))),
        "start": pa.array(np.array(STARTS)[readers.start]),
        "visits_per_day": pa.array(readers.rate),
        "gullibility": pa.array(readers.gullibility),
        "angles": _vectors(readers.angles),
    }
    columns |= {
        f"interest_{s}": pa.array(readers.interests[:, i]) for i, s in enumerate(SUBCATEGORIES)
    }
    return pa.table(columns)


def _articles(params: WorldParams, day: date) -> pa.Table:
    articles = articles_of(params, day)
    topics = articles.subcategory.tolist()
    return pa.table(
        {
            "article_id": pa.array(articles.ids()),
            "category": pa.array([CATEGORIES[CATEGORY_OF[s]] for s in topics]),
            "subcategory": pa.array([SUBCATEGORIES[s] for s in topics]),
            "quality": pa.array(articles.quality),
            "clickbait": pa.array(articles.clickbait),
            "appeal": pa.array(articles.appeal),
            "reading_seconds": pa.array(articles.seconds),
            "half_life_hours": pa.array(articles.half_life),
            "story": pa.array(articles.story, mask=articles.story < 0),
            "angles": _vectors(articles.angles),
        }
    )


def _views(visits: Visits, views: Views) -> pa.Table:
    return pa.table(
        {
            "view_id": view_ids(visits, views),
            "click_probability": pa.array(views.click_probability),
            "expected_dwell_seconds": pa.array(views.expected_dwell),
        }
    )


def _vectors(matrix: NDArray[np.float32]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])
