"""Frames into PostgreSQL by COPY: array literals and JSON made a column at a time, never a row."""

from io import BytesIO

import polars as pl

from newsrec_pipelines.db import Connection


def copy_frame(conn: Connection, table: str, frame: pl.DataFrame) -> None:
    """COPY a frame into the columns of `table` that bear its columns' names.

    Strings go as they are, lists of strings and numbers as arrays, lists of structs as JSON arrays
    of objects. Nothing is committed.

    Raises:
        psycopg2.Error: when the server refuses a row, e.g. an id with a zero byte.
    """
    columns = ", ".join(frame.columns)
    with conn.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv)", to_csv(frame))


def to_csv(frame: pl.DataFrame) -> BytesIO:
    """The rows of a frame without nulls, as COPY's CSV format reads them."""
    buffer = BytesIO()
    literals = frame.select(
        _literal(name, dtype).alias(name) for name, dtype in frame.schema.items()
    )
    # COPY takes an unquoted empty string for NULL: everything is quoted.
    literals.write_csv(buffer, include_header=False, quote_style="always")
    buffer.seek(0)
    return buffer


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
