"""What clean partitions must look like, as pandera schemas."""

from datetime import date, timedelta
from typing import Any, Final

import pandera.polars as pa
import polars as pl

from newsrec_pipelines.features.views import day_start
from newsrec_pipelines.parameters import EtlParams
from newsrec_pipelines.schemas import READ_KINDS, REGIONS, SURFACES, UNKNOWN, Entity

_LANGUAGE: Final = r"^[a-z]{2,3}([-_][a-z0-9]{2,8})*$"
_SHOWN_CASES: Final = 3


def faults(frame: pl.DataFrame, entity: Entity, day: date, params: EtlParams) -> list[str]:
    """What breaks the contract of one day's clean partition, one sentence a kind of fault.

    Columns and their types, nulls, ranges, times outside of the day, and ids that come twice.
    """
    expected = pl.DataFrame(entity.clean_schema.empty_table()).schema
    found = [
        f"{name} is {frame.schema[name]}, not {dtype}" if name in frame.schema else f"no {name}"
        for name, dtype in expected.items()
        if frame.schema.get(name) != dtype
    ]
    if found:  # what follows would only say the same in other words
        return found
    # By hand for all columns: pandera's nulls of lists would be named one row at a time.
    found = [
        f"{field.name} is null in {nulls} rows"
        for field in entity.clean_schema
        if not field.nullable and (nulls := frame[field.name].null_count())
    ]
    if entity.day_field and (copies := frame.height - frame[entity.key].n_unique()):
        found.append(f"{entity.key} of {copies} rows is known already")
    return found + _broken(frame, _ranges(entity, day, params))


def without_name(frame: pl.DataFrame, entity: Entity) -> float:
    """Share of the rows (0 to 1) whose language, region or category nobody knows."""
    if frame.is_empty():
        return 0.0
    names = {
        "language": pa.Check.str_matches(_LANGUAGE),
        "region": pa.Check.isin(REGIONS),
        "category": pa.Check.ne(UNKNOWN),
    }
    columns = {n: pa.Column(pl.String, c) for n, c in names.items() if n in entity.required}
    try:
        pa.DataFrameSchema(columns).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as e:
        return e.failure_cases["index"].n_unique() / frame.height
    return 0.0


def _ranges(entity: Entity, day: date, params: EtlParams) -> pa.DataFrameSchema:
    begin, end = day_start(day), day_start(day) + timedelta(days=1)
    latest = end + timedelta(minutes=params.future_tolerance_minutes)
    within = [pa.Check.ge(begin), pa.Check.lt(end)]
    checks: dict[str, dict[str, Any]] = {
        "articles": {"published_at": pa.Check.le(latest)},
        "users": {"joined_at": pa.Check.le(latest)},
        "impressions": {"shown_at": within, "surface": pa.Check.isin(SURFACES)},
        "reads": {
            "read_at": within,
            "kind": pa.Check.isin(READ_KINDS),
            "dwell_seconds": pa.Check.in_range(0, params.max_dwell_seconds),
            "scroll": pa.Check.in_range(0, 1),
        },
    }
    columns = {n: pa.Column(checks=c, nullable=True) for n, c in checks[entity.name].items()}
    return pa.DataFrameSchema(columns)


def _broken(frame: pl.DataFrame, schema: pa.DataFrameSchema) -> list[str]:
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as e:
        return [
            f"{column} of {rows.height} rows is not {check}: "
            + ", ".join(rows["failure_case"].cast(pl.String).unique().sort().head(_SHOWN_CASES))
            for (column, check), rows in e.failure_cases.group_by(
                "column", "check", maintain_order=True
            )
        ]
    return []
