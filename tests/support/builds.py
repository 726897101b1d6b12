"""A build without the minutes of a real one: programs that leave what the real ones leave."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

from newsrec_pipelines.errors import BuildError
from newsrec_pipelines.operations.build.index import Index
from newsrec_pipelines.operations.build.plan import Build
from newsrec_pipelines.store import Store
from support.models import make_version

VERSION = "20260306-9f3c2b1a"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
_REPORT = '<testsuites><testsuite tests="5" skipped="1" failures="0" errors="0"/></testsuites>'


@dataclass
class FakePrograms:
    """Git, uv, pytest and newsrec; the one of which a command says `failing` fails.

    Attributes:
        store: gets what training and evaluation leave.
        failing: a word of the command that fails.
        report: what pytest leaves.
        commands: what was asked for, with the environment.
    """

    store: Store
    failing: str | None = None
    report: str = _REPORT
    commands: list[tuple[tuple[str, ...], Mapping[str, str]]] = field(default_factory=list)

    def run(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: IO[str]) -> None:
        """As `Programs.run`."""
        self.commands.append((tuple(command), env))
        program, *arguments = command
        if self.failing in (*arguments, Path(program).name):
            raise BuildError(f"{Path(program).name} ended with status 1")
        option = {a.partition("=")[0]: a.partition("=")[2] for a in arguments}
        if "archive" in arguments:
            _archive(Path(option["--output"]))
        elif "pytest" in arguments:
            Path(option["--junitxml"]).write_text(self.report)
        elif "train" in arguments:
            make_version(self.store, VERSION)
            log.write(f"knew everything\nmodel {VERSION}, as of 2026-03-06 00:00 UTC, in 0.1 s\n")
        elif "evaluate" in arguments:
            into = arguments[arguments.index("--into") + 1]
            day = arguments[arguments.index("--to") + 1]
            self.store.write_json(f"{into}/{day}.json", {"model": "made anew every day"})
        elif "build" in arguments:
            package = arguments[-1]
            version = (cwd / package / "pyproject.toml").read_text().split('"')[1]
            folder = Path(arguments[arguments.index("--out-dir") + 1])
            (folder / f"newsrec_{package}-{version}-py3-none-any.whl").write_bytes(b"code")


def make_build(folder: Path, store: Store, version: str | None = None) -> Build:
    """A build of an imagined repository."""
    (folder / "work").mkdir(parents=True)
    return Build(
        repository=folder,
        commit=COMMIT,
        params_file="params.yaml",
        kind=None,
        day=None if version else date(2026, 3, 5),
        version=version,
        tests=("tests/unit",),
        store_url=store.url,
        index=Index(folder / "index"),
        work=folder / "work",
        env={"PATH": "/bin", "NEWSREC_VAR": "/var", "PYTHONPATH": "/mine", "STORE_URL": "s3://x"},
    )


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, as somebody sees it who follows its links."""
    if not folder.exists():
        return {}
    root = folder.resolve()
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def _archive(file: Path) -> None:
    files = {
        "common/pyproject.toml": 'version = "0.1.0"\ndependencies = []\n',
        "pipelines/pyproject.toml": 'version = "0.1.0"\ndependencies = []\n',
        "requirements/dev.txt": "pytest==9\n",
        "requirements/pipelines.txt": "numpy==2\n",
        "params.yaml": json.dumps({}),
    }
    with tarfile.open(file, "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
