"""Plays a day's visits against a table of slates, without any API, and lands what happened."""

from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world import truth
from newsrec_pipelines.datasets.world.articles import Articles
from newsrec_pipelines.datasets.world.behaviour import (
    Views,
    click_probability,
    expected_dwell,
)
from newsrec_pipelines.datasets.world.files import write_parquet
from newsrec_pipelines.datasets.world.readers import readers_on
from newsrec_pipelines.datasets.world.slate_visits import (
    opened_before,
    positions,
    slate_articles,
    slate_views,
    slate_visits,
)
from newsrec_pipelines.datasets.world.tables import impressions_table, reader_ids, reads_table
from newsrec_pipelines.datasets.world.visits import Visits
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import IMPRESSIONS
from newsrec_pipelines.store import Store

VISIT_SCHEMA = pl.Schema(
    {
        "user_id": pl.String(),
        "clicks": pl.Int64(),
        "dwell_seconds": pl.Float64(),
        "expected_seconds": pl.Float64(),
    }
)


def play_slates(store: Store, params: WorldParams, day: date, slates: pl.DataFrame) -> pl.DataFrame:
    """Let the visits of a day that did not see the front page see these slates.

    Impressions (with slate ids and propensities) and reads lie in the landing zone of the day
    afterwards, as an app's reports would, and the truth beside it. Visits of readers without a
    slate are left out.

    Args:
        store: where to; the day was written by `write_day`.
        params: of the world.
        day: the day.
        slates: one row a reader: ``user_id``, ``slate_id``, ``article_ids``, ``propensities``.

    Returns:
        One row a visit, in order of time, as `VISIT_SCHEMA`: what was opened, the dwell that was
        reported, and the dwell that was to be expected of the list by the hidden truth.

    Raises:
        DataError: when the day was not simulated.
    """
    share = truth.front_page_share_of(store, day)
    visits = slate_visits(params, day, share)
    came = pl.DataFrame({"user_id": pl.from_arrow(reader_ids(visits.reader))}).join(
        slates.with_row_index("slate"), on="user_id", how="left", maintain_order="left"
    )
    has_slate = came["slate"].is_not_null().to_numpy()
    visits, came = visits.select(has_slate), came.filter(has_slate)
    articles = slate_articles(params, day)
    matrix = positions(articles, slates["article_ids"].to_list())[came["slate"].to_numpy()]
    views = slate_views(params, articles, visits, matrix, share)
    _land(store, params, articles, visits, views, matrix, came)
    return came.select(
        "user_id",
        clicks=np.bincount(views.visit, minlength=len(visits)),
        dwell_seconds=np.bincount(
            views.visit, np.where(views.ended, np.nan_to_num(views.dwell), 0), len(visits)
        ),
        expected_seconds=_expected(params, articles, visits, matrix, share),
    ).cast(VISIT_SCHEMA)


def worth(params: WorldParams, day: date, slates: pl.DataFrame) -> pl.DataFrame:
    """What slates would be worth if all visits of a day saw them and nothing else; lands nothing.

    Args:
        params: of the world.
        day: the day.
        slates: one row a reader: ``user_id``, ``article_ids``.

    Returns:
        One row a visit of a reader with a slate, in order of time: ``user_id`` and
        ``expected_seconds``, the dwell to be expected by the hidden truth.
    """
    visits = slate_visits(params, day, front_page_share=0.0)
    came = pl.DataFrame({"user_id": pl.from_arrow(reader_ids(visits.reader))}).join(
        slates.with_row_index("slate"), on="user_id", how="left", maintain_order="left"
    )
    has_slate = came["slate"].is_not_null().to_numpy()
    visits, came = visits.select(has_slate), came.filter(has_slate)
    articles = slate_articles(params, day)
    matrix = positions(articles, slates["article_ids"].to_list())[came["slate"].to_numpy()]
    seconds = _expected(params, articles, visits, matrix, front_page_share=0.0)
    return came.select("user_id", expected_seconds=seconds)


def _land(
    store: Store,
    params: WorldParams,
    articles: Articles,
    visits: Visits,
    views: Views,
    matrix: NDArray[np.int32],
    came: pl.DataFrame,
) -> None:
    readers, ids = readers_on(params, visits.day), pa.array(articles.ids())
    shown = impressions_table(readers, ids, visits, matrix)
    for name in ("article_ids", "slate_id", "propensities"):
        field = IMPRESSIONS.schema.field(name)
        column = came[name].to_arrow().cast(field.type)
        shown = shown.set_column(shown.schema.get_field_index(name), field, column)
    folder = f"dt={visits.day}/slates.parquet"
    write_parquet(store, f"landing/impressions/{folder}", shown)
    write_parquet(store, f"landing/reads/{folder}", reads_table(readers, ids, visits, views))
    truth.write_slate_truth(store, visits, views)


def _expected(
    params: WorldParams,
    articles: Articles,
    visits: Visits,
    matrix: NDArray[np.int32],
    front_page_share: float,
) -> NDArray[np.float64]:
    """Seconds that each visit was worth by the hidden truth, shape (visits,).

    Nothing is opened twice on a day: a place counts with the chance that its article was not opened
    in an earlier visit, and not at all when it was opened on the front page.
    """
    readers = readers_on(params, visits.day)
    chance, liking = click_probability(readers, articles, visits, matrix, params)
    chance[opened_before(params, articles, visits, matrix, front_page_share)] = 0
    places = pl.DataFrame(
        {
            "reader": np.repeat(visits.reader, matrix.shape[1]),
            "article": matrix.ravel(),
            "chance": chance.ravel().astype(np.float64),
        }
    )
    still_new = (1 - pl.col("chance")).cum_prod().shift(1, fill_value=1.0)
    new = places.select(still_new.over("reader", "article")).to_series().to_numpy()
    seconds = expected_dwell(articles, np.where(matrix >= 0, matrix, 0), liking)
    return np.asarray((chance * new.reshape(matrix.shape) * seconds).sum(axis=1))
