"""Finds official files as they were downloaded: in a folder, in zip archives, or one by one."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from newsrec_pipelines.errors import DataError

# Official archives hold their files at the top or one folder below; people unpack them once more.
_DEPTHS = ("*", "*/*", "*/*/*")


@dataclass(frozen=True)
class SourceFile:
    """One official file.

    Attributes:
        name: its official name, without ``.gz``.
        path: where it can be read now; unpacked from an archive, it is gone afterwards.
        label: what to call it in messages, e.g. ``MINDsmall_dev.zip/news.tsv``.
    """

    name: str
    path: Path
    label: str


@contextmanager
def opened(path: Path, names: Collection[str]) -> Iterator[list[SourceFile]]:
    """The files below `path` that have one of the official `names`, in the order of their labels.

    `path` is a folder (searched three levels deep, zip archives at its top included), a zip
    archive, or one of the files.

    Raises:
        DataError: when there is no such path, an archive is broken, or a file is empty.
    """
    with tempfile.TemporaryDirectory(prefix="newsrec-import-") as unpacked:
        try:
            if not path.exists():
                raise DataError(f"there is no file or folder {path}")
            found = sorted(_find(path, names, Path(unpacked)), key=lambda f: f.label)
        except OSError as e:
            raise DataError(f"cannot read {path}: {e.strerror or e}") from e
        for file in found:
            if file.path.stat().st_size == 0:
                raise DataError(f"{file.label} is empty")
        yield found


def require(files: list[SourceFile], name: str, where: Path) -> list[SourceFile]:
    """The files of one official name.

    Raises:
        DataError: when there is none.
    """
    if found := [f for f in files if f.name == name]:
        return found
    raise DataError(f"no {name} in {where}")


@contextmanager
def reading(file: SourceFile) -> Iterator[None]:
    """Turns whatever a broken file does to its reader into one line that names the file.

    Raises:
        DataError: for a file that is cut, corrupt, or of another format than its name says.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError, EOFError, zlib.error) as e:
        why = next(iter(str(e).strip().splitlines()), type(e).__name__)
        raise DataError(f"{file.label} cannot be read: {why}") from e


def require_columns(file: SourceFile, columns: Collection[str], wanted: Collection[str]) -> None:
    """Compare the columns of a file with those that we need.

    Raises:
        DataError: naming the missing ones.
    """
    if missing := sorted(set(wanted) - set(columns)):
        raise DataError(f"{file.label} has no column {', '.join(missing)}")


def _find(path: Path, names: Collection[str], unpacked: Path) -> Iterator[SourceFile]:
    if path.is_file():
        if path.suffix == ".zip":
            yield from _unpack(path, names, unpacked)
        elif (name := path.name.removesuffix(".gz")) in names:
            yield SourceFile(name, path, path.name)
        return
    for pattern in _DEPTHS:
        for file in sorted(path.glob(pattern)):
            if (name := file.name.removesuffix(".gz")) in names and file.is_file():
                yield SourceFile(name, file, str(file.relative_to(path)))
    for archive in sorted(path.glob("*.zip")):
        yield from _unpack(archive, names, unpacked)


def _unpack(archive: Path, names: Collection[str], unpacked: Path) -> Iterator[SourceFile]:
    try:
        with zipfile.ZipFile(archive) as zipped:
            for number, member in enumerate(zipped.namelist()):
                name = member.rsplit("/", 1)[-1]
                if name not in names or member.startswith("__MACOSX/"):
                    continue
                # Our own name: a member's may point anywhere.
                target = unpacked / f"{archive.stem}-{number}-{name}"
                with zipped.open(member) as packed, target.open("wb") as file:
                    shutil.copyfileobj(packed, file)
                yield SourceFile(name, target, f"{archive.name}/{member}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as e:
        # RuntimeError is how zipfile says that a password is needed.
        raise DataError(f"{archive} cannot be unpacked: {' '.join(str(e).split())}") from e
