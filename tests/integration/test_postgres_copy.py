"""COPY brings every id, number and reason into PostgreSQL as it was."""

import polars as pl
import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsrec_pipelines.features.types import SLATE_SCHEMA
from newsrec_pipelines.postgres_copy import copy_frame

# PostgreSQL's text holds everything but the zero byte; UTF-8 holds everything but surrogates.
_NASTY = st.text(st.sampled_from("ab,\"'\\{}[] \n\r\t.;|NULé\u2028\U0001f4f0"), max_size=8)
_IDS = st.one_of(
    _NASTY,
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["", "NULL", "null", "\\N", "\\.", "\n\\.\n", "{}", '"', '""', " ", "\\"]),
)
_FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
_PLACE = st.tuples(_IDS, _FLOATS, _FLOATS, _IDS, _IDS)


@st.composite
def _slates(draw: st.DrawFn) -> pl.DataFrame:
    users = draw(st.lists(_IDS, max_size=4, unique=True))
    rows = []
    for user in users:
        places = draw(st.lists(_PLACE, max_size=4))
        rows.append(
            {
                "user_id": user,
                "article_ids": [p[0] for p in places],
                "scores": [p[1] for p in places],
                "propensities": [p[2] for p in places],
                "reasons": [{"code": p[3], "text": p[4]} for p in places],
            }
        )
    return pl.DataFrame(rows, schema=SLATE_SCHEMA)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(_slates())
def test_opaque_ids_survive_the_copy(database_url: str, slates: pl.DataFrame) -> None:
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE copied (n serial, user_id text NOT NULL, "
                "article_ids text[] NOT NULL, scores real[] NOT NULL, "
                "propensities real[] NOT NULL, reasons jsonb NOT NULL) ON COMMIT DROP"
            )
            copy_frame(connection, "copied", slates)
            cursor.execute(f"SELECT {', '.join(slates.columns)} FROM copied ORDER BY n")
            copied = pl.DataFrame(cursor.fetchall(), schema=SLATE_SCHEMA, orient="row")
    finally:
        connection.rollback()
        connection.close()
    assert copied.to_dicts() == slates.to_dicts()


def test_an_id_with_a_zero_byte_is_refused_by_the_server(database_url: str) -> None:
    connection = psycopg2.connect(database_url)
    try:
        frame = pl.DataFrame({"article_id": ["a\0b"]})
        with pytest.raises(psycopg2.DataError):
            copy_frame(connection, "articles", frame)
    finally:
        connection.close()
