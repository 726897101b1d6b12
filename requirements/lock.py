"""Compiles requirements/*.in into hashed locks; --check says whether the locks are current."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
# `dev` holds everything but Airflow; the locks of the images take their versions from it.
IMAGES = ("api", "api-explain", "build", "hooks", "mailer", "mlflow", "pipelines")


def compile_lock(name: str, output: Path, constraint: Path | None) -> None:
    """Compile one lock into `output`, keeping the versions that `output` already names."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"),
        *("--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"),
        *("--output-file", str(output), str(HERE / f"{name}.in")),
    ]
    if constraint is not None:
        command += ["--constraint", str(constraint)]
    subprocess.run(command, check=True, env={**os.environ, "UV_SYSTEM_CERTS": "true"})


def main() -> int:
    """Compile all locks, or compare them with what compiling would give."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when stale")
    check = parser.parse_args().check
    stale = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if check else HERE
        for name in ("dev", *IMAGES, "airflow"):
            lock = HERE / f"{name}.txt"
            output = folder / lock.name
            if check:
                # uv keeps the versions that an output names: only a changed .in matters.
                output.write_bytes(lock.read_bytes())
            constraint = folder / "dev.txt" if name in IMAGES else None
            compile_lock(name, output, constraint)
            if check and output.read_bytes() != lock.read_bytes():
                stale.append(lock.name)
    if stale:
        print(f"not current, run `make lock`: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
