"""What is measured, each run in a process of its own; answers go to the parent as JSON."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg2
import yaml
from benchmarks.full.bounds import Taken, bounds
from benchmarks.full.factors import factors as compare_factors
from benchmarks.full.generate import generate as write_world
from benchmarks.full.measure import peak_gib
from benchmarks.full.recommend import recommend as publish
from benchmarks.full.world import Size

from newsrec_db import migrate
from newsrec_db.embedded import Embedded
from newsrec_pipelines.context import Context
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.training.command import train as train_command

# Of history. Those of 30 days take up to 20 GiB, and training is not what is measured; the request
# and the factors that are compared are of all days.
TRAINED_DAYS: Final = 8


def generate(folder: Path, size: Size, params: Path) -> dict[str, Any]:
    """Draw a world, and write it whole or not at all."""
    partial = folder / "partial"
    rows = write_world(Store(partial.as_uri()), size, Params.load(params))
    # Keys in manifests are relative to the store, so that it may be moved.
    partial.rename(folder / "store")
    return {"rows": rows, "peak_gib": peak_gib()}


def factors(folder: Path, size: Size, params: Path) -> dict[str, Any]:
    """From Parquet to ALS factors, beside implicit alone."""
    return compare_factors(_store(folder), size.as_of, Params.load(params))


def train(folder: Path, size: Size, params: Path) -> dict[str, Any]:
    """Train the model that recommends, by the real command, on the last days."""
    shipped = Params.load(params)
    training = shipped.training.model_copy(
        update={"window_days": min(TRAINED_DAYS, shipped.training.window_days)}
    )
    less = shipped.model_copy(update={"training": training})
    params = folder / "training.yaml"
    params.write_text(yaml.safe_dump(less.model_dump(mode="json")))
    began = time.perf_counter()
    last = size.day(size.days - 1)
    train_command.main(["--date", f"{last}"], obj=_context(folder, params), standalone_mode=False)
    return {"seconds": time.perf_counter() - began, "peak_gib": peak_gib()}


def recommend(folder: Path, size: Size, params: Path) -> dict[str, Any]:
    """Publish slates for all readers into a fresh database; then what the heavy steps must cost."""
    taken = Taken()
    with database(folder) as url:
        ctx = _context(folder, params, url)
        with taken.during():
            published = publish(ctx)
        assert published["readers"] + published["without_slate"] == size.readers
    return published | {"bounds": bounds(taken, published["pairs"], ctx.params.candidates)}


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """An empty, migrated database of its own; gives its URL."""
    server = Embedded(folder / "postgres")
    base = server.start().rsplit("/", 1)[0]
    try:
        connection = psycopg2.connect(f"{base}/postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS bench")
            cursor.execute("CREATE DATABASE bench")
        connection.close()
        migrate.upgrade(f"{base}/bench")
        yield f"{base}/bench"
    finally:
        server.stop()


def _store(folder: Path) -> Store:
    return Store((folder / "store").as_uri())


def _context(folder: Path, params: Path, database_url: str | None = None) -> Context:
    settings = Settings(
        var=folder,
        store_url=(folder / "store").as_uri(),
        database_url=database_url,
        outbox=folder / "outbox",
        git_commit="benchmark",
    )
    return Context(settings, params)
