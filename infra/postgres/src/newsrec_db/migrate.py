"""Runs the migrations: the only DDL that newsrec knows."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` up to a revision; the user must own it and may create roles."""
    _run(url, command.upgrade, revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` down to a revision (``base`` for empty)."""
    _run(url, command.downgrade, revision)


def _run(url: str, what: Callable[[Config, str], None], revision: str) -> None:
    # SQLAlchemy 2.1 takes postgresql:// for psycopg 3.
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        raise ArgumentError("DATABASE_URL must start with postgresql://")
    try:
        engine = create_engine(f"postgresql+psycopg2://{rest}", poolclass=NullPool)
    except ValueError as e:  # a port that is no number
        raise ArgumentError(
            "DATABASE_URL must be like postgresql://user:password@host:5432/name"
        ) from e
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        what(config, revision)
