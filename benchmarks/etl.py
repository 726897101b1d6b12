"""ETL of reads from Parquet against DuckDB doing the same checks, dedupe and COPY beside it.

    python benchmarks/etl.py [--rows 500000] [--repeat 3]

Both read the same file and write into fresh databases of one embedded PostgreSQL, by turns. Our
time ends with the manifests: it includes the clean Parquet, which DuckDB is not asked for. The
counters, which have no counterpart either, are shown beside. Ends with status 1 below the bar.
"""

import argparse
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq

from newsrec_db import migrate
from newsrec_db.embedded import Embedded
from newsrec_pipelines.db import connect
from newsrec_pipelines.etl.run import Etl
from newsrec_pipelines.etl.runners import bound_pipeline
from newsrec_pipelines.etl.runs import only_one
from newsrec_pipelines.parameters import EtlParams, Params
from newsrec_pipelines.schemas import READ_KINDS
from newsrec_pipelines.store import Store

BAR = 0.4
DAY = date(2026, 3, 1)
BATCH = 100_000
COLUMNS = (
    "event_id, user_id, article_id, read_at, kind, dwell_seconds, scroll, view_id, impression_id"
)

# The rules of newsrec_pipelines.etl.checks for reads, as DuckDB would have them.
DUCKDB_CHECKS = """
CREATE OR REPLACE TABLE records AS
SELECT {columns}, CASE
    WHEN event_id IS NULL OR event_id = '' OR strlen(event_id) > 1000 THEN 'event_id'
    WHEN user_id IS NULL OR user_id = '' OR strlen(user_id) > 1000 THEN 'user_id'
    WHEN article_id IS NULL OR article_id = '' OR strlen(article_id) > 1000 THEN 'article_id'
    WHEN view_id = '' OR strlen(view_id) > 1000 THEN 'view_id'
    WHEN impression_id = '' OR strlen(impression_id) > 1000 THEN 'impression_id'
    WHEN contains(event_id, chr(0)) OR contains(user_id, chr(0)) OR contains(article_id, chr(0))
        OR contains(view_id, chr(0)) OR contains(impression_id, chr(0)) THEN 'NUL'
    WHEN read_at IS NULL THEN 'read_at'
    WHEN read_at > TIMESTAMP '{day} 00:00:00' + INTERVAL 1 DAY + INTERVAL {future} MINUTE
        THEN 'future'
    WHEN read_at < TIMESTAMP '{day} 00:00:00' - INTERVAL {late} DAY THEN 'late'
    WHEN kind IS NULL OR kind NOT IN {kinds} THEN 'kind'
    WHEN isnan(dwell_seconds) OR dwell_seconds < 0 THEN 'dwell'
    WHEN isnan(scroll) OR scroll NOT BETWEEN 0 AND 1 THEN 'scroll'
END AS reason, file_row_number + 1 AS line
FROM (
    -- Times with a zone would need an extension that DuckDB downloads.
    SELECT * REPLACE (make_timestamp(epoch_us(read_at)) AS read_at)
    FROM read_parquet('{file}', file_row_number = true)
);
CREATE OR REPLACE TABLE dead AS SELECT * FROM records WHERE reason IS NOT NULL;
CREATE OR REPLACE TABLE rows AS
WITH known AS (
    SELECT * REPLACE (CASE WHEN dwell_seconds <= {dwell} THEN dwell_seconds END AS dwell_seconds)
    FROM records WHERE reason IS NULL
), dated AS (
    SELECT {columns}, NULL AS extra, greatest(
        read_at + to_microseconds(coalesce(round(dwell_seconds::DOUBLE * 1e6), 0)::BIGINT),
        CASE WHEN read_at < TIMESTAMP '{day} 00:00:00'
            THEN TIMESTAMP '{day} 23:59:59.999999' ELSE read_at END) AS available_at,
        'duckdb' AS batch_id, read_at::DATE AS day
    FROM known
)
SELECT * FROM dated
QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY available_at) = 1
ORDER BY event_id
"""

# What tables.upsert_events does.
POSTGRES_UPSERT = """
ANALYZE new_reads;
INSERT INTO event_days SELECT 'reads', event_id, day FROM new_reads ON CONFLICT DO NOTHING;
INSERT INTO reads SELECT * FROM new_reads ON CONFLICT (event_id, day) DO UPDATE
    SET user_id = EXCLUDED.user_id
"""


def write_reads(path: Path, rows: int) -> None:
    """A day's reads with 1 % of doubles and 0.1 % of bad records, in row groups of 100,000."""
    rng = np.random.default_rng(7)
    ids = [f"bench:{uuid.UUID(bytes=rng.bytes(16))}" for _ in range(rows)]
    for i in rng.integers(1, rows, rows // 100):
        ids[i] = ids[i - 1]
    start = int(datetime.combine(DAY, datetime.min.time(), UTC).timestamp() * 1e6)
    kinds: np.ndarray = np.where(rng.random(rows) < 0.5, "click", "read")
    kinds[rng.random(rows) < 0.001] = "teleport"
    dwell = rng.exponential(60, rows).astype("float32")
    table = pa.table(
        {
            "event_id": ids,
            "user_id": [f"bench:u{i}" for i in rng.integers(0, 50_000, rows)],
            "article_id": [f"bench:a{i}" for i in rng.integers(0, 5_000, rows)],
            "read_at": pa.array(
                start + rng.integers(0, 86_400_000_000, rows), pa.timestamp("us", "UTC")
            ),
            "kind": kinds.astype(object),
            "dwell_seconds": pa.array(dwell, mask=kinds == "click"),
            "scroll": pa.array(rng.random(rows).astype("float32"), mask=kinds == "click"),
            "view_id": [f"v{i}" for i in rng.integers(0, 2**62, rows)],
            "impression_id": pa.nulls(rows, pa.string()),
        }
    )
    path.parent.mkdir(parents=True)
    pq.write_table(table, path, row_group_size=BATCH, compression="zstd")


def beam(url: str, store: Store, params: Params) -> tuple[float, dict[str, float]]:
    """Seconds of one run up to its last manifest, and seconds by step."""
    store.remove("clean")
    store.remove("counters")
    steps: dict[str, float] = {}
    with connect(url, "newsrec_etl") as conn, only_one(conn):
        run = Etl(conn, store, params, bound_pipeline("FnApiRunner"))
        began = last = time.perf_counter()
        for step in run.day(DAY):
            now = time.perf_counter()
            kind = step.split()[0]
            steps[kind] = steps.get(kind, 0.0) + now - last
            if kind == "manifest":
                seconds = now - began
            last = now
    return seconds, steps


def duck(url: str, file: Path, folder: Path, params: EtlParams) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    csv = folder / "rows.csv"
    with duckdb.connect() as db:
        db.execute(
            DUCKDB_CHECKS.format(
                columns=COLUMNS,
                day=DAY,
                future=params.future_tolerance_minutes,
                late=params.late_days,
                dwell=params.max_dwell_seconds,
                kinds=READ_KINDS,
                file=file,
            )
        )
        db.execute(f"COPY rows TO '{csv}' (HEADER false)")
        dead = db.execute("SELECT line, reason, event_id FROM dead").fetchall()
    with connect(url, "newsrec_etl") as conn:
        with conn, conn.cursor() as cursor:
            for table in ("reads", "dead_letters"):
                cursor.execute("SELECT ensure_day_partition(%s, %s)", (table, DAY))
        with conn, conn.cursor() as cursor, csv.open("rb") as text:
            cursor.execute("CREATE TEMP TABLE new_reads (LIKE reads) ON COMMIT DROP")
            cursor.copy_expert("COPY new_reads FROM STDIN (FORMAT csv)", text)
            cursor.execute(POSTGRES_UPSERT)
            cursor.executemany(
                "INSERT INTO dead_letters VALUES (%s, 'reads', 'f', %s, %s, %s, 'duckdb')",
                [(DAY, *row) for row in dead],
            )
    return time.perf_counter() - began


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A migrated, empty database."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    conn = psycopg2.connect(f"{server}/postgres")
    conn.autocommit = True
    with conn.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        migrate.upgrade(f"{server}/{name}")
        yield f"{server}/{name}"
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        cursor.execute("CHECKPOINT")  # the next run shall not pay for this one
    conn.close()


def count(url: str) -> int:
    """Rows in the table."""
    with connect(url, "newsrec_reader") as conn, conn.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reads")
        return int(cursor.fetchone()[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    params = Params.load(Path(__file__).parents[1] / "params.yaml")
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        store = Store((folder / "store").as_uri())
        file = folder / f"store/landing/reads/dt={DAY}/bench.parquet"
        write_reads(file, args.rows)
        embedded = Embedded(folder / "postgres")
        server = embedded.start().rsplit("/", 1)[0]
        try:
            for _ in range(args.repeat):
                with fresh_database(server) as url:
                    seconds, steps = beam(url, store, params)
                    ours.append(args.rows / seconds)
                    counted = count(url)
                shown = ", ".join(f"{k} {s:.2f}" for k, s in steps.items())
                print(f"beam   {ours[-1]:>9,.0f} rows/s   seconds: {shown}", flush=True)
                with fresh_database(server) as url:
                    theirs.append(args.rows / duck(url, file, folder, params.etl))
                    if count(url) != counted:
                        raise SystemExit("the two do not agree")
                print(f"duckdb {theirs[-1]:>9,.0f} rows/s", flush=True)
        finally:
            embedded.stop()
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(
        f"median of {args.repeat}: beam {statistics.median(ours):,.0f} rows/s, duckdb "
        f"{statistics.median(theirs):,.0f} rows/s, ratio {ratio:.2f} (bar {BAR})"
    )
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
