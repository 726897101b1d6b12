"""Settings: safe local defaults, and one clear line for each wrong variable."""

from pathlib import Path

import pytest

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.settings import Settings
from support.postgres import REPOSITORY


def test_everything_local_lives_below_one_folder(tmp_path: Path) -> None:
    settings = Settings.from_env({"NEWSREC_VAR": str(tmp_path)})
    assert settings.store_url == f"file://{tmp_path}/store"
    assert settings.outbox == tmp_path / "outbox"
    assert settings.database_url is None


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    names = [
        line.partition("=")[0]
        for line in (REPOSITORY / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert {"STORE_URL", "DATABASE_URL", "DATABASE_URL_FILE", "OUTBOX"} <= set(names)
    var = {"NEWSREC_VAR": str(tmp_path)}
    assert Settings.from_env({**dict.fromkeys(names, ""), **var}) == Settings.from_env(var)


def test_the_embedded_server_leaves_its_url_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "url").write_text("postgresql://u:p@127.0.0.1/x\n")
    settings = Settings.from_env({"NEWSREC_VAR": str(tmp_path)})
    assert settings.require_database_url() == "postgresql://u:p@127.0.0.1/x"


def test_a_database_url_beats_every_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://from-file/x")
    env = {
        "DATABASE_URL": "postgresql://from-env/x",
        "DATABASE_URL_FILE": str(tmp_path / "url"),
    }
    assert Settings.from_env(env).database_url == "postgresql://from-env/x"
    del env["DATABASE_URL"]
    assert Settings.from_env(env).database_url == "postgresql://from-file/x"


def test_without_a_database_the_user_learns_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make db-start"):
        Settings.from_env({"NEWSREC_VAR": str(tmp_path)}).require_database_url()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STORE_URL", "/var/data"),
        ("STORE_URL", "https://example.org"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL_FILE", "/nowhere/url"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable) as error:
        Settings.from_env({variable: value})
    assert len(str(error.value).splitlines()) == 1
