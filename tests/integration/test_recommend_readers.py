"""Who gets a slate, and of what: users, their own settings, and operators' blocks."""

from datetime import timedelta

import polars as pl
import psycopg2
import pytest

from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DatabaseError, DataError
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.scoring.run import readers_and_candidates
from support.fake_model import AS_OF, make_articles, make_reads, make_request, make_users
from support.slates import publish, rows_of

REQUEST = make_request(make_users(2), make_articles(40), make_reads([("u00", "a000")]))
_SETTING = (
    "INSERT INTO reader_settings (user_id, region, language, preferred_categories, created_at, "
    "updated_at) VALUES (%s, %s, %s, %s, %s, %s)"
)
_BLOCK = (
    "INSERT INTO article_blocks (article_id, blocked_at, blocked_by, reason) "
    "VALUES (%s, %s, 'me', 'false')"
)


def _execute(url: str, sql: str, *args: object) -> None:
    connection = psycopg2.connect(url, options="-c role=newsrec_api")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, args)
    finally:
        connection.close()


def _wanted(url: str, request: Request = REQUEST) -> Request:
    with connect(url, "newsrec_scoring") as conn:
        return readers_and_candidates(request, conn)


def test_what_a_reader_chose_herself_overrides_what_came_with_the_data(database_url: str) -> None:
    before = AS_OF - timedelta(hours=1)
    _execute(database_url, _SETTING, "u00", None, "es", ["science"], before, before)
    _execute(database_url, _SETTING, "new", "africa", None, None, before, before)

    users = {u["user_id"]: u for u in _wanted(database_url).users.to_dicts()}

    assert list(users) == ["new", "u00", "u01"]
    assert users["u00"] == {
        "user_id": "u00",
        "region": "africa",
        "language": "es",
        "preferred_categories": ["science"],
    }
    assert users["new"] == {
        "user_id": "new",
        "region": "africa",
        "language": "unknown",
        "preferred_categories": [],
    }
    assert users["u01"]["preferred_categories"] == ["politics"]


def test_a_choice_made_after_the_moment_asked_for_is_not_known_yet(database_url: str) -> None:
    _execute(database_url, _SETTING, "u00", None, "es", None, AS_OF, AS_OF)

    assert _wanted(database_url).users["language"].to_list() == ["en", "en"]


def test_a_blocked_article_is_in_no_slate_and_a_lifted_block_is_none(database_url: str) -> None:
    _execute(database_url, _BLOCK, "a002", AS_OF)
    _execute(database_url, _BLOCK, "a004", AS_OF)
    _execute(database_url, "UPDATE article_blocks SET lifted_at = now() WHERE article_id = 'a004'")

    rows = rows_of(database_url, publish(database_url, request=_wanted(database_url)).run_id)

    placed = pl.Series([a for r in rows["recommendations"] for a in r[2]])
    assert "a002" not in placed.to_list()
    assert "a004" in placed.to_list()
    assert "a002" not in {a for r in rows["popular_slates"] for a in r[2]}
    assert "a002" not in {r[0] for r in rows["similar_articles"]}
    assert "a002" not in {a for r in rows["similar_articles"] for a in r[1]}


def test_without_any_reader_nothing_is_written(database_url: str) -> None:
    empty = make_request(make_users(0), make_articles(3), make_reads([]))

    with pytest.raises(DataError, match="no reader was known before 2026-03-06 00:00"):
        _wanted(database_url, empty)


def test_without_any_article_in_the_window_nothing_is_written(database_url: str) -> None:
    _execute(database_url, _BLOCK, "a000", AS_OF)
    one = make_request(make_users(2), make_articles(1), make_reads([]))

    with pytest.raises(DataError, match="no article to recommend at 2026-03-06 00:00"):
        _wanted(database_url, one)


def test_readers_who_can_read_nothing_get_no_slate_and_are_counted(database_url: str) -> None:
    spanish = make_articles(6).filter(pl.col("language") == "es")
    request = make_request(make_users(4), spanish, make_reads([]))

    summary = publish(database_url, request=request)

    assert (summary.readers, summary.without_slate, summary.shorter) == (2, 2, 2)
    assert summary.places == 6


def test_a_database_that_is_down_is_said_in_one_line() -> None:
    with pytest.raises(DatabaseError, match="cannot connect to PostgreSQL") as raised:
        _wanted("postgresql://nobody@127.0.0.1:1/none")
    assert "\n" not in str(raised.value)
