"""Three simulated worlds: the dwell of readers of our slates beside that of a held-out group.

Each world plays its history and then 14 days of both groups through ETL, training and slates, with
files and a database of its own that are removed afterwards. With --backtest nobody gets our slates:
our model and its baselines are evaluated by what readers did on a front page, and by the hidden
truth of what each one's slates would have been worth. The parameters of a world,
its dates and its seed are in `worlds/`; the result of each is a JSON file.

    python benchmarks/worlds.py [weak strong shift] [--days 14] [--out var/worlds] [--same-for-both]
    python benchmarks/worlds.py [weak strong shift] --backtest [--out var/worlds]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

REPOSITORY = Path(__file__).parents[1]
WORLDS = ("weak", "strong", "shift")
# By which ours is compared with its baselines: the order of shown lists, and daily slates.
LEAD = {"impressions": ("auc", "ndcg@10", "seconds@3"), "daily": ("recall@10", "dwell_ndcg@10")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("worlds", nargs="*", default=WORLDS, help=f"of {', '.join(WORLDS)}")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "var/worlds")
    parser.add_argument("--same-for-both", action="store_true", help="an A/A test")
    parser.add_argument("--backtest", action="store_true", help="evaluate ours and its baselines")
    args = parser.parse_args()
    if args.backtest:
        for world in args.worlds:
            out = (args.out / f"{world}-backtest.json").absolute()
            backtest(REPOSITORY / f"worlds/{world}.yaml", out)
            print(f"\n{world}")
            print("\n".join(baselines(json.loads(out.read_text()))))
            print("seconds a reader-day, by the world's truth, and what ours is better by (95 %)")
            print("\n".join(seconds(json.loads(by_truth(out).read_text()))))
        return
    options = ["--days", str(args.days), *(["--same-for-both"] if args.same_for_both else [])]
    print(f"{'world':<8}{'ours s':>8}{'held out s':>12}{'difference s (95 %)':>28}{'minutes':>9}")
    for world in args.worlds:
        began = time.perf_counter()
        out = (args.out / f"{world}{'-aa' if args.same_for_both else ''}.json").absolute()
        play(REPOSITORY / f"worlds/{world}.yaml", out, options)
        print(line(world, json.loads(out.read_text()), (time.perf_counter() - began) / 60))


def play(params: Path, out: Path, options: list[str]) -> None:
    """One experiment."""
    with alone(out) as (env, log):
        experiment = ("--params", str(params), "experiment", "--out", str(out))
        run("newsrec", *experiment, *options, env=env, log=log)


def backtest(params: Path, out: Path) -> None:
    """A back-test of the days that the world's parameters name, each part of ours left out once."""
    content = yaml.safe_load(params.read_text())
    days = ("--from", content["world"]["start"], "--to", content["backtest"]["last_day"])
    with alone(out) as (env, log):
        for stage in (
            ("simulate", "days", *days),
            ("etl", *days),
            ("backtest", "--out", str(out)),
            ("baselines", "--out", str(by_truth(out))),
        ):
            run("newsrec", "--params", str(params), *stage, env=env, log=log)


def by_truth(out: Path) -> Path:
    """Where the result of `newsrec baselines` is, beside that of the back-test."""
    return out.with_name(out.name.replace("backtest", "baselines"))


@contextmanager
def alone(out: Path) -> Iterator[tuple[dict[str, str], IO[str]]]:
    """A database and files of one's own; what programs say goes to a log beside the result."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="newsrec-world-") as folder:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE_URL", "STORE"))}
        env["NEWSREC_VAR"] = folder
        with out.with_suffix(".log").open("w") as log:
            try:
                run("newsrec-db", "start", env=env, log=log)
                yield env, log
            finally:
                run("newsrec-db", "stop", env=env, log=log)


def run(program: str, *args: str, env: dict[str, str], log: IO[str]) -> None:
    command = [str(Path(sys.executable).with_name(program)), *args]
    subprocess.run(command, check=True, env=env, stdout=log, stderr=log, cwd=REPOSITORY)


def baselines(result: dict[str, Any]) -> list[str]:
    """What ours is better by than each baseline, and without each of its parts."""
    lines = []
    for mode, metrics in LEAD.items():
        found = result["modes"][mode]
        lines.append(f"{mode:<24}" + "".join(f"{m:>34}" for m in metrics))
        ours = found["systems"][result["ours"]]
        lines.append(
            f"{result['ours']:<24}" + "".join(f"{ours[m]['value']:>34.4f}" for m in metrics)
        )
        rows = [(name, row) for name, row in found["differences"].items()]
        rows += [
            (f"without {p['without']} ({p['kind']})", p["differences"]) for p in found["ablation"]
        ]
        for name, row in rows:
            cells = (
                f"{row[m]['value']:+.4f} ({row[m]['low']:+.4f} to {row[m]['high']:+.4f})"
                for m in metrics
            )
            lines.append(f"{name:<24}" + "".join(f"{cell:>34}" for cell in cells))
    return lines


def seconds(result: dict[str, Any]) -> list[str]:
    """What each system's slates are worth, and ours without each of its parts."""
    metric = "expected_seconds"
    rows = [
        (name, row[metric], result["differences"].get(name))
        for name, row in result["systems"].items()
    ]
    for part in result["ablation"]:
        name = f"without {part['without']} ({part['kind']})"
        rows.append((name, part["metrics"][metric], part["differences"]))
    lines = []
    for name, found, better in rows:
        ends = ""
        if better:
            ends = "{value:+.1f} ({low:+.1f} to {high:+.1f})".format(**better[metric])
        lines.append(f"{name:<36}{found['value']:>9.1f}{ends:>28}")
    return lines


def line(world: str, result: dict[str, Any], minutes: float) -> str:
    ours, held_out = (
        result["groups"][g]["dwell_seconds_per_reader_day"] for g in ("ours", "held_out")
    )
    found = result["difference"]["adjusted_dwell_seconds"]
    interval = f"{found['value']:+.1f} ({found['low']:+.1f} to {found['high']:+.1f})"
    return f"{world:<8}{ours:>8.1f}{held_out:>12.1f}{interval:>28}{minutes:>9.1f}"


if __name__ == "__main__":
    main()
