from pathlib import Path

import pytest

from newsrec_pipelines import cli
from support import official_files
from support.landing import landed, landed_files


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("STORE_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)


def newsrec(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    return int(end.value.code or 0)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("mind", "7 articles, 4 impressions, 6 reads, 2 users; 2019-11-10 to 2019-11-16, 5 days"),
        (
            "ebnerd",
            "8 articles, 4 impressions, 10 reads, 2 users; 2023-05-01 to 2023-05-26, 5 days",
        ),
        ("deskdrop", "3 articles, 6 reads, 3 users; 2016-06-08 to 2016-06-10, 3 days"),
    ],
)
def test_an_import_says_what_it_brought_and_what_it_left_out(
    source: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = getattr(official_files, source)(tmp_path / source)
    assert newsrec("import", source, str(folder)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{source}: {told}")
    assert second.startswith(f"{source}: ")
    assert landed(tmp_path / "var" / "store", "reads")


def test_three_sources_share_a_landing_zone(tmp_path: Path) -> None:
    store = tmp_path / "var" / "store"
    for source in ("mind", "ebnerd", "deskdrop"):
        before = landed_files(store)
        folder = getattr(official_files, source)(tmp_path / source)
        newsrec("import", source, str(folder))
        added = landed_files(store).keys() - before.keys()
        assert before.items() < landed_files(store).items()
        assert all(name.rsplit("/", 1)[1].startswith(f"{source}-") for name in added)


@pytest.mark.parametrize("source", ["mind", "ebnerd", "deskdrop"])
def test_a_wrong_folder_is_one_line_and_nothing_is_written(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "none", tmp_path / "empty"):
        assert newsrec("import", source, str(path)) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("newsrec: ")
        assert captured.err.count("\n") == 1
    assert not (tmp_path / "var" / "store").exists()


def test_an_export_without_a_database_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsrec("export", "--date", "2026-03-01") == 1
    assert capsys.readouterr().err.startswith("newsrec: DATABASE_URL is not set")
