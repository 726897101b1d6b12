"""newsrec-db: start, stop and look at the embedded server; migrate any server."""

import os
import sys
from pathlib import Path

import click
import psycopg2
from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from newsrec_db import migrate
from newsrec_db.embedded import Embedded, EmbeddedError, binary


def _embedded() -> Embedded:
    return Embedded(Path(os.environ.get("NEWSREC_VAR") or "var").absolute() / "postgres")


def _given_url() -> str | None:
    """The URL of a server that is not ours, from DATABASE_URL or the file that its twin names."""
    if url := os.environ.get("DATABASE_URL"):
        return url
    if not (file := os.environ.get("DATABASE_URL_FILE")):
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise EmbeddedError(f"DATABASE_URL_FILE names {file}, which cannot be read") from e


def _url() -> str:
    return _given_url() or _embedded().url()


@click.group()
def app() -> None:
    """The database of newsrec. With DATABASE_URL set, that server is used instead."""


@app.command()
def start() -> None:
    """Start the embedded server (unless another is given) and migrate the database."""
    migrate.upgrade(_given_url() or _embedded().start())
    click.echo("PostgreSQL is up and migrated")


@app.command()
def stop() -> None:
    """Stop the embedded server."""
    click.echo("stopped" if _embedded().stop() else "was not running")


@app.command()
def status() -> None:
    """Say whether the embedded server runs; exit status 3 when it does not."""
    if not _embedded().running():
        click.echo("not running")
        sys.exit(3)
    click.echo(f"running: {_embedded().url_file}")


@app.command()
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def psql(args: tuple[str, ...]) -> None:
    """Open psql on the database."""
    program = str(binary("psql"))
    os.execv(program, [program, _url(), *args])


@app.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Migrate up to a revision."""
    migrate.upgrade(_url(), revision)


@app.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Migrate down to a revision (`base`: remove everything)."""
    migrate.downgrade(_url(), revision)


def main() -> None:
    """Run a command; an error of the server or of its files becomes one line and exit status 1."""
    try:
        app(prog_name="newsrec-db")
    except (EmbeddedError, CommandError, OSError, psycopg2.Error, SQLAlchemyError) as e:
        # SQLAlchemy's own text adds its exception's name, the statement and a link.
        said = e.orig if isinstance(e, DBAPIError) else e
        print(f"newsrec-db: {' '.join(str(said).split())}", file=sys.stderr)
        sys.exit(1)
