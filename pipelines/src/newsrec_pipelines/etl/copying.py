"""Frames into PostgreSQL by COPY, a column at a time, nulls and lists included."""

from io import BytesIO

import polars as pl

from newsrec_pipelines.db import Connection

_ROWS = 100_000


def copy_frame(conn: Connection, table: str, frame: pl.DataFrame) -> None:
    """COPY a frame into the columns of `table` that bear its columns' names; commits nothing.

    Lists go as arrays; columns of JSON text may be jsonb there.
    """
    columns = ", ".join(frame.columns)
    literals = frame.select(_literal(name, dtype) for name, dtype in frame.schema.items())
    with conn.cursor() as cursor:
        for part in literals.iter_slices(_ROWS):
            buffer = BytesIO()
            # Null is written as nothing and the empty string as "": what COPY expects of CSV.
            part.write_csv(buffer, include_header=False)
            buffer.seek(0)
            cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv)", buffer)


def _literal(name: str, dtype: pl.DataType) -> pl.Expr:
    column, element = pl.col(name), pl.element()
    if not isinstance(dtype, pl.List):
        return column
    if dtype.inner == pl.String:
        escaped = element.str.replace_all("\\", "\\\\", literal=True).str.replace_all(
            '"', '\\"', literal=True
        )
        element = pl.concat_str(pl.lit('"'), escaped, pl.lit('"'))
    items = column.list.eval(element.cast(pl.String)).list.join(",")
    return pl.concat_str(pl.lit("{"), items, pl.lit("}")).alias(name)
