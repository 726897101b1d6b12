"""newsrec-db says in one line what is wrong with a setting, a folder or a revision."""

from pathlib import Path

import pytest

from newsrec_db import cli


@pytest.fixture(autouse=True)
def _local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL_FILE", raising=False)
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[object, str]:
    monkeypatch.setattr("sys.argv", ["newsrec-db", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://u:p@127.0.0.1/x", "must start with postgresql://"),
        ("garbage", "must start with postgresql://"),
        ("postgresql://u:p@127.0.0.1:abc/x", "must be like postgresql://"),
        ("postgresql://u:p@127.0.0.1:1/x", "Connection refused"),
    ],
)
def test_a_wrong_database_url_is_one_line_without_its_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str, why: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url.replace("u:p@", "u:hunter2@"))
    status, err = run(capsys, monkeypatch, "start")
    assert status == 1
    assert why in err
    assert "hunter2" not in err
    assert len(err.splitlines()) == 1


def test_a_folder_that_is_a_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path / "file"))
    status, err = run(capsys, monkeypatch, "start")
    assert status == 1
    assert err.startswith("newsrec-db: ")
    assert "Not a directory" in err
    assert len(err.splitlines()) == 1


def test_an_empty_variable_counts_as_unset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSREC_VAR", "")
    status, err = run(capsys, monkeypatch, "upgrade")
    assert status == 1
    assert f"{tmp_path}/var/postgres" in err


def test_a_file_may_hold_the_url_of_another_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text("postgresql://u:p@127.0.0.1:1/x\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    status, err = run(capsys, monkeypatch, "start")
    assert status == 1
    assert "Connection refused" in err
    assert not (tmp_path / "postgres").exists()
