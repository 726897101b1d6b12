"""Size and speed at full size, from generated data; exits with 1 when a bar is missed.

    .venv/bin/python -m benchmarks.full [--readers 15000 150000 521000] [--articles 144000]
        [--days 30] [--json FILE] [--folder FOLDER] [--only recommend]

For each size a world is drawn (not timed), a model trained on it, and slates for all of its readers
published into a PostgreSQL of its own. Each of these is a process, whose peak memory is its own.
With --folder the data and the models stay there, and those that are there are taken.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.full import report
from benchmarks.full.world import Size

ROOT = Path(__file__).parents[2]
PARAMS = Path(__file__).with_name("params.yaml")
TASKS = ("generate", "factors", "train", "recommend")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.full")
    parser.add_argument("--readers", type=int, nargs="+", default=[15_000, 150_000, 521_000])
    parser.add_argument("--articles", type=int, default=144_000, help="a day")
    parser.add_argument("--days", type=int, default=30, help="of history")
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    parser.add_argument("--folder", type=Path, help="keep the data here, and use what is there")
    parser.add_argument("--params", type=Path, default=PARAMS)
    parser.add_argument("--only", choices=TASKS, nargs="+", default=TASKS, help="do no others")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    args = arguments()
    if args.task:
        print(json.dumps(_task(args)))
        return 0
    folder = args.folder or Path(tempfile.mkdtemp(prefix="newsrec-full-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # the server of the database is another user's
    try:
        measured = [_measure(args, readers, folder) for readers in sorted(args.readers)]
    finally:
        if not args.folder:
            shutil.rmtree(folder, ignore_errors=True)
    result = report.evaluated(measured)
    print(report.table(result))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2))
    return 0 if result["passed"] else 1


def _measure(args: argparse.Namespace, readers: int, folder: Path) -> dict[str, Any]:
    """All tasks of one size, one after the other."""
    here = folder / f"{readers}-{args.articles}-{args.days}"
    here.mkdir(exist_ok=True)
    # Factors are compared at the largest size only.
    tasks = [t for t in args.only if t != "factors" or readers == max(args.readers)]
    measured: dict[str, Any] = {"readers": readers}
    made = {"generate": here / "store", "train": here / "store/models/log"}
    for task in sorted(tasks, key=TASKS.index):
        if task in made and made[task].exists():
            continue
        print(f"{readers:,} readers: {task}", file=sys.stderr, flush=True)
        command = [
            sys.executable,
            "-m",
            "benchmarks.full",
            "--task",
            task,
            "--folder",
            str(here.resolve()),
        ]
        command += ["--readers", str(readers), "--articles", str(args.articles)]
        command += ["--days", str(args.days), "--params", str(args.params.resolve())]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
        measured[task] = json.loads(done.stdout.splitlines()[-1])
    if not args.folder:
        shutil.rmtree(here)
    return measured


def _task(args: argparse.Namespace) -> dict[str, Any]:
    # Only what a task needs: Feast and the model take seconds to import.
    from benchmarks.full import tasks

    size = Size(args.readers[0], args.articles, args.days)
    return getattr(tasks, args.task)(args.folder, size, args.params)


if __name__ == "__main__":
    sys.exit(main())
