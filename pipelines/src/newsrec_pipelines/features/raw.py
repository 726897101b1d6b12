"""Columns of the counters: what the ETL writes, Feast serves and pair features are made of."""

from typing import Final

import polars as pl

MEASURES: Final = ("clicks", "exposures", "dwell", "reads")  # of an article; dwell in seconds
STAMP: Final = pl.Datetime("us", "UTC")

_DECAYED: Final = {"reads_decayed": pl.Float64(), "dwell_decayed": pl.Float64()}


def _rings(*resolutions: str) -> dict[str, pl.DataType]:
    return {
        f"{name}_{resolution}": pl.List(pl.Float64 if name == "dwell" else pl.Int32)
        for name in MEASURES
        for resolution in resolutions
    }


def _totals() -> dict[str, pl.DataType]:
    return {f"{m}_total": pl.Float64() if m == "dwell" else pl.Int64() for m in MEASURES}


# View -> its key columns.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "article": ("article_id",),
    "article_day": ("article_id",),
    "user": ("user_id",),
    "user_category": ("user_id", "category"),
    "user_publisher": ("user_id", "publisher"),
    "exposure_history": ("user_id", "article_id"),
}
# View -> its features. `stamped_at` repeats `event_timestamp`, which a point-in-time join does not
# return: without it nobody could say how old the row is that was found.
FEATURES: Final[dict[str, dict[str, pl.DataType]]] = {
    "article": {"stamped_at": STAMP, **_totals(), **_rings("fine", "coarse")},
    "article_day": {"stamped_at": STAMP, **_rings("days")},
    "user": {
        "stamped_at": STAMP,
        "reads_total": pl.Int64(),
        "dwell_total": pl.Float64(),
        **_DECAYED,
        "last_read_at": STAMP,
    },
    "user_category": {"stamped_at": STAMP, **_DECAYED},
    "user_publisher": {"stamped_at": STAMP, **_DECAYED},
    "exposure_history": {
        "stamped_at": STAMP,
        "exposures_total": pl.Int32(),
        "opens_total": pl.Int32(),
        "last_seen_at": STAMP,
    },
}
# `exposure_history` has a row for each time a reader saw an article: too many for an online store.
ONLINE: Final = tuple(view for view in KEYS if view != "exposure_history")


def view_name(view: str) -> str:
    """The name of a view in Feast."""
    return f"{view}_features"


def schema(view: str, *, stamped: bool = True) -> pl.Schema:
    """Key, `event_timestamp` (if `stamped`) and features of a view, in the order of storage."""
    columns: dict[str, pl.DataType] = {key: pl.String() for key in KEYS[view]}
    if stamped:
        columns["event_timestamp"] = STAMP
    return pl.Schema(columns | FEATURES[view])
