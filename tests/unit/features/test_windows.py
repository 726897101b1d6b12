"""A silent article's windows count down to zero."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from newsrec_pipelines.features import raw
from newsrec_pipelines.features.raw import schema
from newsrec_pipelines.features.windows import WINDOWS, article_windows
from newsrec_pipelines.parameters import Params
from support.feature_events import at
from support.postgres import REPOSITORY

PARAMS = Params.load(REPOSITORY / "params.yaml").features
STAMP = at(10)


COLUMNS = schema("article") | schema("article_day") | {"day_stamped_at": raw.STAMP}


def busy() -> pl.DataFrame:
    """One event of everything in every bucket, until 10:00."""
    values: dict[str, object] = {"article_id": "a", "stamped_at": STAMP, "day_stamped_at": at(0)}
    lengths = {
        "fine": (1, PARAMS.fine_buckets),
        "coarse": (6, PARAMS.coarse_buckets),
        "days": (144, PARAMS.days),
    }
    for name in COLUMNS:
        count, length = lengths.get(name.rpartition("_")[2], (0, 0))
        if length:
            values[name] = [count] * length
    return pl.DataFrame([dict.fromkeys(COLUMNS) | values], schema=COLUMNS)


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


@pytest.mark.parametrize(
    ("silent_hours", "week", "month"),
    [
        # 10 hours of today and 6 (29) whole days before.
        (0, 60 + 6 * 144, 60 + 29 * 144),
        (13.9, 60 + 6 * 144, 60 + 29 * 144),
        # No row tells of the day that ended here: the row of days is of the day before.
        (14, 6 * 144, 29 * 144),
        (14.5, 5 * 144, 28 * 144),
        (24 * 6, 0, 23 * 144),
        (24 * 31, 0, 0),
    ],
)
def test_windows_of_days_are_whole_days_and_the_hours_of_this_one(
    silent_hours: float, week: float, month: float
) -> None:
    got = windows(busy(), STAMP + timedelta(hours=silent_hours))
    assert (got["clicks_7d"], got["clicks_30d"]) == (week, month)
    assert got["dwell_7d"] == week


def test_rings_that_are_not_there_give_no_windows() -> None:
    minutes = busy().select("stamped_at", "clicks_fine", asked=pl.col("stamped_at"))
    got = article_windows(minutes, "asked", PARAMS)
    assert got.columns[3:] == ["clicks_10m", "clicks_1h", "clicks_3h"]


def test_three_silent_hours_give_a_zero_three_hour_window() -> None:
    got = windows(busy(), STAMP + timedelta(hours=3))
    assert got["clicks_3h"] == got["exposures_3h"] == 0


def test_a_year_of_silence_gives_zeros() -> None:
    assert set(windows(busy(), STAMP + timedelta(days=365)).values()) == {0.0}


def test_a_row_from_the_future_counts_for_nothing() -> None:
    got = windows(busy(), STAMP - timedelta(microseconds=1))
    # The row of days is of the day before.
    assert {name for name, value in got.items() if value} == {n for n in WINDOWS if n[-1] == "d"}
    assert set(windows(busy(), at(0) - timedelta(microseconds=1)).values()) == {0.0}


def test_an_article_without_any_row_has_zeros() -> None:
    nobody = pl.DataFrame([dict.fromkeys(COLUMNS)], schema=COLUMNS)
    assert set(windows(nobody, STAMP).values()) == {0.0}


def test_minutes_after_the_last_whole_bucket_change_nothing() -> None:
    assert windows(busy(), STAMP + timedelta(minutes=9)) == windows(busy(), STAMP)
