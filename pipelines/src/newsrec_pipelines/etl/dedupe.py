"""Which of several records with one id becomes the row: the same one, whatever their order."""

import polars as pl

from newsrec_pipelines.schemas import Entity

POSITION = ["file", "line"]  # columns that order all records of a batch


def dedupe(entity: Entity, frame: pl.DataFrame) -> pl.DataFrame:
    """One row an event, or one row a version (id and `available_at`), sorted by id.

    An event is placed by what was known first; of several reports of the same moment the one with
    the smallest content wins. A later record of a versioned entity corrects an earlier one, so of
    versions of the same moment the last in the batch (`POSITION`) wins.
    """
    key = [entity.key] if entity.day_field else [entity.key, "available_at"]
    repeated = frame.select(pl.struct(key).is_duplicated()).to_series()
    if not repeated.any():
        return frame.sort(key)
    doubled = frame.filter(repeated)
    if entity.day_field:
        content = pl.struct(pl.exclude("available_at")).struct.json_encode()
        doubled = doubled.sort(entity.key, "available_at", content)
        doubled = doubled.unique(key, keep="first", maintain_order=True)
    else:
        doubled = doubled.sort(*key, *POSITION).unique(key, keep="last", maintain_order=True)
    frame = pl.concat([frame.filter(~repeated), doubled])
    return frame.sort(key)
