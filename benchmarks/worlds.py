"""Three simulated worlds: the dwell of readers of our slates beside that of a held-out group.

Each world plays its history and then 14 days of both groups through ETL, training and slates, with
files and a database of its own that are removed afterwards. The parameters of a world, its dates
and its seed are in `worlds/`; the result of each is a JSON file.

    python benchmarks/worlds.py [weak strong shift] [--days 14] [--out var/worlds] [--same-for-both]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
WORLDS = ("weak", "strong", "shift")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("worlds", nargs="*", default=WORLDS, help=f"of {', '.join(WORLDS)}")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "var/worlds")
    parser.add_argument("--same-for-both", action="store_true", help="an A/A test")
    args = parser.parse_args()
    options = ["--days", str(args.days), *(["--same-for-both"] if args.same_for_both else [])]
    print(f"{'world':<8}{'ours s':>8}{'held out s':>12}{'difference s (95 %)':>28}{'minutes':>9}")
    for world in args.worlds:
        began = time.perf_counter()
        out = (args.out / f"{world}{'-aa' if args.same_for_both else ''}.json").absolute()
        play(REPOSITORY / f"worlds/{world}.yaml", out, options)
        print(line(world, json.loads(out.read_text()), (time.perf_counter() - began) / 60))


def play(params: Path, out: Path, options: list[str]) -> None:
    """One experiment, alone in a temporary folder; what it says goes to a log beside the result."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="newsrec-world-") as folder:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE_URL", "STORE"))}
        env["NEWSREC_VAR"] = folder
        with out.with_suffix(".log").open("w") as log:
            try:
                run("newsrec-db", "start", env=env, log=log)
                experiment = ("--params", str(params), "experiment", "--out", str(out))
                run("newsrec", *experiment, *options, env=env, log=log)
            finally:
                run("newsrec-db", "stop", env=env, log=log)


def run(program: str, *args: str, env: dict[str, str], log: object) -> None:
    command = [str(Path(sys.executable).with_name(program)), *args]
    subprocess.run(command, check=True, env=env, stdout=log, stderr=log, cwd=REPOSITORY)


def line(world: str, result: dict, minutes: float) -> str:
    ours, held_out = (
        result["groups"][g]["dwell_seconds_per_reader_day"] for g in ("ours", "held_out")
    )
    found = result["difference"]["adjusted_dwell_seconds"]
    interval = f"{found['value']:+.1f} ({found['low']:+.1f} to {found['high']:+.1f})"
    return f"{world:<8}{ours:>8.1f}{held_out:>12.1f}{interval:>28}{minutes:>9.1f}"


if __name__ == "__main__":
    main()
