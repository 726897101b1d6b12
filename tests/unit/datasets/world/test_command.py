"""`newsrec simulate` on the command line."""

from pathlib import Path

import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.store import Store

PARAMS = Path(__file__).parents[4] / "params.yaml"


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE_URL", "DATABASE_URL", "DATABASE_URL_FILE", "NEWSREC_PARAMS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    small = PARAMS.read_text().replace("readers: 2000", "readers: 50")
    (tmp_path / "params.yaml").write_text(
        small.replace("articles_per_day: 400", "articles_per_day: 20")
    )


def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], *args: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--params", str(tmp_path / "params.yaml"), "simulate", *args])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_days_are_written_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(tmp_path, capsys, "days", "--from", "2026-03-01", "--to", "2026-03-02")
    assert status == 0
    assert "2026-03-02" in out
    store = Store((tmp_path / "store").as_uri())
    for entity in ("articles", "users", "impressions", "reads"):
        assert [str(d) for d in store.days(f"landing/{entity}")][:1] == ["2026-03-01"]


def test_days_in_the_wrong_order_are_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(tmp_path, capsys, "days", "--from", "2026-03-02", "--to", "2026-03-01")
    assert status == 1
    assert err == "newsrec: --to 2026-03-01 lies before --from 2026-03-02\n"


def test_reacting_to_a_missing_day_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(
        tmp_path, capsys, "react", "--date", "2026-03-01", "--api", "http://127.0.0.1:1"
    )
    assert status == 1
    assert err.startswith("newsrec: 2026-03-01 was not simulated")
    assert err.count("\n") == 1
