"""Frames into PostgreSQL by COPY: literals made a column at a time, never a row."""

from io import BytesIO

import polars as pl

from newsrec_pipelines.db import Connection

_ROWS = 100_000


def copy_frame(conn: Connection, table: str, frame: pl.DataFrame) -> None:
    """COPY a frame into the columns of `table` that bear its columns' names; commits nothing.

    Nulls stay nulls. Lists of strings and numbers go as arrays, lists of structs as JSON arrays of
    objects; columns of JSON text may be json or jsonb there.

    Raises:
        psycopg2.Error: when the server refuses a row, e.g. an id with a zero byte.
    """
    columns = ", ".join(frame.columns)
    literals = frame.select(
        _literal(name, dtype).alias(name) for name, dtype in frame.schema.items()
    )
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
    if isinstance(dtype.inner, pl.Struct):
        return _joined("[", column.list.eval(element.struct.json_encode()), "]")
    if dtype.inner == pl.String:
        escaped = element.str.replace_all("\\", "\\\\", literal=True).str.replace_all(
            '"', '\\"', literal=True
        )
        quoted = pl.concat_str(pl.lit('"'), escaped, pl.lit('"'))
        return _joined("{", column.list.eval(quoted), "}")
    return _joined("{", column.list.eval(element.cast(pl.String)), "}")


def _joined(opening: str, elements: pl.Expr, closing: str) -> pl.Expr:
    return pl.concat_str(pl.lit(opening), elements.list.join(","), pl.lit(closing))
