"""A silent article's windows count down to zero."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from newsrec_pipelines.config import Params
from newsrec_pipelines.features.raw import schema
from newsrec_pipelines.features.windows import WINDOWS, article_windows
from support.feature_events import at
from support.postgres import REPOSITORY

PARAMS = Params.load(REPOSITORY / "params.yaml").features
STAMP = at(10)


def busy() -> pl.DataFrame:
    """One event of everything in every bucket, until 10:00."""
    values: dict[str, object] = {"article_id": "a", "event_timestamp": STAMP, "stamped_at": STAMP}
    for name in schema("article"):
        if name.endswith("_fine"):
            values[name] = [1] * PARAMS.fine_buckets
        elif name.endswith("_coarse"):
            values[name] = [6] * PARAMS.coarse_buckets
    return pl.DataFrame([values], schema=schema("article"))


def windows(row: pl.DataFrame, asked: datetime) -> dict[str, float]:
    asked_rows = row.with_columns(asked=pl.lit(asked).cast(pl.Datetime("us", "UTC")))
    return article_windows(asked_rows, "asked", PARAMS).select(list(WINDOWS)).row(0, named=True)


@pytest.mark.parametrize(
    ("silent", "expected"),
    [(0, (6, 18, 144)), (0.5, (3, 15, 138)), (1, (0, 12, 138)), (3, (0, 0, 126)), (24, (0, 0, 0))],
)
def test_windows_shrink_with_silence(silent: float, expected: tuple[float, float, float]) -> None:
    got = windows(busy(), STAMP + timedelta(hours=silent))
    assert (got["clicks_1h"], got["clicks_3h"], got["clicks_24h"]) == expected


def test_three_silent_hours_give_a_zero_three_hour_window() -> None:
    got = windows(busy(), STAMP + timedelta(hours=3))
    assert got["clicks_3h"] == got["exposures_3h"] == 0


def test_a_year_of_silence_gives_zeros() -> None:
    assert set(windows(busy(), STAMP + timedelta(days=365)).values()) == {0.0}


def test_a_row_from_the_future_counts_for_nothing() -> None:
    assert set(windows(busy(), STAMP - timedelta(microseconds=1)).values()) == {0.0}


def test_an_article_without_any_row_has_zeros() -> None:
    nobody = pl.DataFrame([dict.fromkeys(schema("article"))], schema=schema("article"))
    assert set(windows(nobody, STAMP).values()) == {0.0}


def test_minutes_after_the_last_whole_bucket_change_nothing() -> None:
    assert windows(busy(), STAMP + timedelta(minutes=9)) == windows(busy(), STAMP)
