"""Everything that a database holds, to compare it with what it held before."""

import hashlib

from psycopg2 import sql

from support.postgres import query

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
# What is neither row nor column: who may do what, and what else is defined.
_DEFINITIONS = {
    "rights": "SELECT n.nspname, c.relname, c.relkind, c.relowner::regrole::text, c.relacl::text"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname IN ('public', 'feast') ORDER BY 1, 2",
    "schemas": "SELECT nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace"
    " WHERE nspname IN ('public', 'feast') ORDER BY 1",
    "default rights": "SELECT defaclrole::regrole::text, defaclobjtype, defaclacl::text"
    " FROM pg_default_acl ORDER BY 1, 2",
    "functions": "SELECT proname, proowner::regrole::text, proacl::text, pg_get_functiondef(oid)"
    " FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
    "indexes": "SELECT schemaname, indexname, indexdef FROM pg_indexes"
    " WHERE schemaname IN ('public', 'feast') ORDER BY 1, 2",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
    " FROM pg_constraint ORDER BY 1, 2",
}


def contents(url: str) -> dict[str, tuple[int, str]]:
    """Table or kind of definition -> how many rows, and a hash over all of them."""
    found = {}
    for schema, table in sorted(query(url, _TABLES)):
        rows = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(
            sql.Identifier(str(schema), str(table))
        )
        found[f"{schema}.{table}"] = _hashed(query(url, rows))  # type: ignore[arg-type]
    return {**found, **{name: _hashed(query(url, s)) for name, s in _DEFINITIONS.items()}}


def _hashed(rows: list[tuple[object, ...]]) -> tuple[int, str]:
    return len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()


def differences(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> set[str]:
    """The names of what is not the same."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
