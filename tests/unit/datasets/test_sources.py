import zipfile
from pathlib import Path

import pytest

from newsrec_pipelines.datasets.sources import opened, require
from newsrec_pipelines.errors import DataError

NAMES = ("news.tsv", "behaviors.tsv")


def zipped(archive: Path, **members: str) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name.replace("__", "/", 1), text)
    return archive


def write(file: Path, text: str = "x") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_official_files_are_found_three_levels_deep_in_a_fixed_order(tmp_path: Path) -> None:
    for place in ("news.tsv", "train/news.tsv", "a/b/behaviors.tsv.gz", "a/b/c/news.tsv"):
        write(tmp_path / place)
    write(tmp_path / "train" / "notes.txt")
    with opened(tmp_path, NAMES) as files:
        assert [(f.name, f.label) for f in files] == [
            ("behaviors.tsv", "a/b/behaviors.tsv.gz"),
            ("news.tsv", "news.tsv"),
            ("news.tsv", "train/news.tsv"),
        ]


def test_archives_are_unpacked_for_as_long_as_they_are_read(tmp_path: Path) -> None:
    zipped(tmp_path / "train.zip", **{"train__news.tsv": "from train", "../evil__x": "no"})
    zipped(tmp_path / "dev.zip", **{"news.tsv": "from dev", "big.vec": "no"})
    with opened(tmp_path, NAMES) as files:
        assert [(f.label, f.path.read_text()) for f in files] == [
            ("dev.zip/news.tsv", "from dev"),
            ("train.zip/train/news.tsv", "from train"),
        ]
    assert not any(f.path.exists() for f in files)
    with opened(tmp_path / "dev.zip", NAMES) as files:
        assert [f.label for f in files] == ["dev.zip/news.tsv"]


def test_a_members_path_cannot_leave_the_folder_for_unpacking(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        file.writestr("../../news.tsv", "x")
    with opened(tmp_path / "bad.zip", NAMES) as files:
        assert ".." not in files[0].path.parts
        assert files[0].path.parent.name.startswith("newsrec-import-")


def test_a_broken_archive_is_one_line(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", **{"news.tsv": "text " * 1000})
    whole = archive.read_bytes()
    middle = len(whole) // 3
    changed = (
        whole[:middle] + bytes(b ^ 255 for b in whole[middle : middle + 9]) + whole[middle + 9 :]
    )
    for broken in (whole[: len(whole) // 2], b"PK", changed):
        archive.write_bytes(broken)
        with (
            pytest.raises(DataError, match=r"a\.zip cannot be unpacked: ") as error,
            opened(tmp_path, NAMES),
        ):
            pass
        assert "\n" not in str(error.value)


def test_a_missing_path_an_empty_file_and_a_missing_name_are_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="there is no file or folder"),
        opened(tmp_path / "none", NAMES),
    ):
        pass
    with opened(tmp_path, NAMES) as files, pytest.raises(DataError, match=r"no news\.tsv in "):
        require(files, "news.tsv", tmp_path)
    write(tmp_path / "train" / "news.tsv", "")
    with pytest.raises(DataError, match=r"train/news\.tsv is empty"), opened(tmp_path, NAMES):
        pass


def test_a_file_of_another_name_is_not_ours(tmp_path: Path) -> None:
    with opened(write(tmp_path / "other.csv"), NAMES) as files:
        assert files == []
