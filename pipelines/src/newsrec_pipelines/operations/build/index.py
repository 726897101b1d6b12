"""A folder as an index of packages (PEP 503): pages of links that installers read."""

import fcntl
import hashlib
import html
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from newsrec_pipelines.errors import BuildError

_LINK: Final = re.compile(r'<a href="([^"#]+)#sha256=([0-9a-f]{64})">')
_PAGE: Final = (
    '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n'
    "<body>\n{links}</body>\n</html>\n"
)


class Index:
    """``simple/<project>/index.html`` below a folder, with the wheels beside it.

    ``simple`` is a link to the current generation. An addition makes the next one, of hard links to
    what is there, and moves the link in one moment: what was killed before has changed nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.simple = folder / "simple"
        self._folder = folder

    @property
    def url(self) -> str:
        """For ``--index-url``."""
        return self.simple.absolute().as_uri()

    def files(self, project: str) -> dict[str, str]:
        """SHA-256 of the files of a project, by their names, in order."""
        page = self.simple / project / "index.html"
        if not page.exists():
            return {}
        found = _LINK.findall(page.read_text(encoding="utf-8"))
        return {unquote(html.unescape(link)): sha256 for link, sha256 in found}

    def projects(self) -> list[str]:
        """Names of the projects, sorted."""
        return sorted(page.parent.name for page in self.simple.glob("*/index.html"))

    def add(self, files: Sequence[tuple[str, Path]]) -> None:
        """Add files, all of them or none. What is there already stays what it is.

        Args:
            files: names of projects, normalized, and their files.

        Raises:
            BuildError: when another file of that name is there: a version never changes.
        """
        with self._alone():
            self._sweep()
            listed = {project: self.files(project) for project in self.projects()}
            new = {}
            for project, file in files:
                sha256 = _sha256(file)
                there = listed.setdefault(project, {}).setdefault(file.name, sha256)
                if there != sha256:
                    raise BuildError(f"{file.name} is in the index already, with other content")
                new[project, file.name] = file
            generation = self._folder / f"simple-{uuid.uuid4().hex}"
            for project, names in listed.items():
                folder = generation / project
                folder.mkdir(parents=True)
                for name in names:
                    old = self.simple / project / name
                    if old.exists():
                        os.link(old, folder / name)
                    else:
                        _copy(new[project, name], folder / name)
                links = {f"{quote(name)}#sha256={sha}": name for name, sha in names.items()}
                _page(folder, project, links)
            _page(generation, "newsrec", {f"{project}/": project for project in listed})
            link = generation.with_name(f"{generation.name}.link")
            link.symlink_to(generation.name)
            link.replace(self.simple)
            self._sweep()

    def _sweep(self) -> None:
        """Remove old generations, and what killed additions have left."""
        current = self.simple.readlink().name if self.simple.is_symlink() else None
        for path in self._folder.glob("simple-*"):
            if path.is_symlink():
                path.unlink()
            elif path.name != current:
                shutil.rmtree(path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two that add at once would each make a generation without the other's file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _page(folder: Path, title: str, links: dict[str, str]) -> None:
    lines = [
        f'<a href="{html.escape(link)}">{html.escape(name)}</a><br>\n'
        for link, name in sorted(links.items())
    ]
    page = _PAGE.format(title=html.escape(title), links="".join(lines))
    (folder / "index.html").write_text(page, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as content, target.open("wb") as copy:
        shutil.copyfileobj(content, copy)
        copy.flush()
        os.fsync(copy.fileno())


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
