"""The SQL of the cluster on a real server: what each login may do, and no more."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import psycopg2.errors
import pytest

from newsrec_db.embedded import Embedded
from newsrec_pipelines.db import connect
from support.cluster_database import LOGINS, ClusterDatabase
from support.postgres import query

# What each program acts as: the roles that it names when it connects.
ROLES = {
    "login_api": {"newsrec_api"},
    "login_mailer": {"newsrec_mailer"},
    "login_pipelines": {
        "newsrec_etl",
        "newsrec_features",
        "newsrec_scoring",
        "newsrec_monitoring",
        "newsrec_operations",
    },
}
EVERY_ROLE = set().union(*ROLES.values())
# A table that the role writes.
OWN = {
    "newsrec_api": "event_inbox",
    "newsrec_mailer": "deliveries",
    "newsrec_etl": "articles",
    "newsrec_scoring": "recommendations",
    "newsrec_monitoring": "drift",
    "newsrec_operations": "variants",
}
_EVERYTHING = """
SELECT (SELECT count(*) FROM pg_class), (SELECT array_agg(r::text ORDER BY oid) FROM pg_roles r),
    (SELECT array_agg(m::text ORDER BY m::text) FROM pg_auth_members m)
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterDatabase]:
    server = Embedded(tmp_path_factory.mktemp("cluster") / "postgres")
    database = ClusterDatabase(server)
    try:
        database.start()
        database.migrations()
        yield database
    finally:
        server.stop()


def _forbidden(url: str, sql: str, role: str | None = None) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        if role:
            cursor.execute(f"SET ROLE {role}")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(sql)


def test_the_second_time_changes_nothing(database: ClusterDatabase) -> None:
    before = query(database.url(), _EVERYTHING)
    for _ in range(2):
        database.first_start()
        database.migrations()
    assert query(database.url(), _EVERYTHING) == before


def test_a_new_password_takes_the_place_of_the_old(database: ClusterDatabase) -> None:
    database.migrations(MAILER_PASSWORD='it\'s \\ a "new" one')
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(database.url("login_mailer"))
    database.migrations()
    psycopg2.connect(database.url("login_mailer")).close()


@pytest.mark.parametrize(
    ("login", "role"), [(login, role) for login, roles in ROLES.items() for role in sorted(roles)]
)
def test_a_login_acts_as_the_roles_of_its_program(
    database: ClusterDatabase, login: str, role: str
) -> None:
    # As every stage connects; the API and the mailer name their role in the same way.
    with connect(database.url(login), role) as connection, connection.cursor() as cursor:
        if role in OWN:
            cursor.execute(f"SELECT count(*) FROM {OWN[role]}")
            cursor.execute(f"DELETE FROM {OWN[role]}")
        else:
            cursor.execute("CREATE TABLE feast.made (x integer)")
            cursor.execute("DROP TABLE feast.made")


@pytest.mark.parametrize("login", ROLES)
def test_a_login_acts_as_nobody_else(database: ClusterDatabase, login: str) -> None:
    others = EVERY_ROLE - ROLES[login] | (set(LOGINS) - {login}) | {"newsrec", "pg_monitor"}
    for role in sorted(others):
        _forbidden(database.url(login), f"SET ROLE {role}")


@pytest.mark.parametrize("login", ROLES)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM articles",
        "SELECT 1 FROM feast.newsrec_article_features",
        "CREATE TABLE public.mine (x integer)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_a_login_by_itself_may_nothing(database: ClusterDatabase, login: str, sql: str) -> None:
    _forbidden(database.url(login), sql)


@pytest.mark.parametrize("login", ROLES)
def test_no_role_writes_what_another_one_owns(database: ClusterDatabase, login: str) -> None:
    for role in sorted(ROLES[login]):
        for owner, table in OWN.items():
            if owner != role:
                _forbidden(database.url(login), f"DELETE FROM {table}", role)


@pytest.mark.parametrize("program", ["airflow", "mlflow"])
def test_others_and_newsrec_share_a_server_and_nothing_else(
    database: ClusterDatabase, program: str
) -> None:
    with closing(psycopg2.connect(database.url(program, program))) as connection:
        connection.cursor().execute("CREATE TABLE of_its_own (x integer)")
    others = {*ROLES, "login_exporter", "airflow", "mlflow"} - {program}
    for login, name in [(program, "newsrec"), *((login, program) for login in sorted(others))]:
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            psycopg2.connect(database.url(login, name))


def test_the_exporter_reads_statistics_of_all_and_no_table(database: ClusterDatabase) -> None:
    url = database.url("login_exporter")
    with closing(psycopg2.connect(database.url("login_api"))) as other:
        pid = other.info.backend_pid
        # What a session does is told to members of pg_monitor only.
        (known,) = query(url, "SELECT state FROM pg_stat_activity WHERE pid = %s", pid)
        assert known == ("idle",)
    for sql in ("SELECT 1 FROM articles", "CREATE TABLE public.mine (x integer)"):
        _forbidden(url, sql)
    for role in sorted(EVERY_ROLE):
        _forbidden(url, f"SET ROLE {role}")


def test_the_owner_is_no_superuser(database: ClusterDatabase) -> None:
    _forbidden(database.url("newsrec_owner"), "COPY (SELECT 1) TO PROGRAM 'true'")
    _forbidden(database.url("newsrec_owner"), "ALTER ROLE newsrec PASSWORD 'mine'")
    _forbidden(database.url("newsrec_owner"), "DROP DATABASE airflow")
