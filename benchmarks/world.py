"""How fast the simulated world writes its days: events a second on one core, against 200,000.

Events are the impressions and reads (clicks, reads with dwell, likes, hides) that lie in the
landing zone afterwards. The time is that of `write_day` for whole days, from nothing: making the
readers, the articles with their texts, the behaviour, compressed Parquet and JSON lines, and the
hidden truth. The process is pinned to one core, and the rate is that of the core's own time (CPU
seconds), whatever else the machine does meanwhile; the time that passed is printed beside it.

    python benchmarks/world.py [--readers 200000] [--articles 4000] [--days 3]
"""

import argparse
import os
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from newsrec_pipelines.datasets.world.days import write_day
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

BOUND = 200_000  # events a second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=200_000)
    parser.add_argument("--articles", type=int, default=4_000, help="a day")
    parser.add_argument("--days", type=int, default=3)
    args = parser.parse_args()
    params = Params.load(Path(__file__).parents[1] / "params.yaml").world
    size = {"readers": args.readers, "articles_per_day": args.articles, "start": date(2026, 3, 1)}
    params = params.model_copy(update=size)
    _one_core()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder).as_uri())
        events, began, began_cpu = 0, time.perf_counter(), time.process_time()
        for n in range(args.days):
            counts = write_day(store, params, params.start + timedelta(days=n))
            events += counts["impressions"] + counts["reads"]
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
        size_mb = sum(f.stat().st_size for f in Path(folder).rglob("*.parquet")) / 1e6
    print(f"{args.readers:,} readers, {args.articles:,} articles a day, {args.days} days, one core")
    print(f"{events:,} events in {cpu:.1f} s of CPU ({seconds:.1f} s passed)")
    print(f"{size_mb:.0f} MB of Parquet")
    rate = events / cpu
    print(f"{rate:,.0f} events/s: {rate / BOUND:.2f} of the bound of {BOUND:,}")


def _one_core() -> None:
    pa.set_cpu_count(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    main()
