"""Settings are read once, name the variable that is wrong, and never show a secret."""

from pathlib import Path

import pytest

from newsrec_hooks.settings import Settings, SettingsError, whole_number

GOOD = {"HOOKS_TOKEN": "t" * 16, "AIRFLOW_PASSWORD": "secret-of-airflow"}


def test_everything_else_has_a_safe_default() -> None:
    settings = Settings.from_env(GOOD)
    assert settings.airflow_url == "http://127.0.0.1:8080"
    assert settings.kong_admin_url is None


def test_secrets_are_found_in_files_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/hooks_token").write_text("t" * 20 + "\n")
    (tmp_path / "airflow").write_text("secret-of-airflow\n")
    env = {"NEWSREC_VAR": str(tmp_path), "AIRFLOW_PASSWORD_FILE": str(tmp_path / "airflow")}
    settings = Settings.from_env(env)
    assert settings.token == "t" * 20
    assert settings.airflow_password == "secret-of-airflow"
    assert "tttt" not in repr(settings)
    assert "secret-of-airflow" not in repr(settings)


def test_kong_is_optional_and_whole() -> None:
    kong = {"KONG_ADMIN_URL": "http://kong-admin:8001/", "KONG_CANARY": "api-canary:8000"}
    settings = Settings.from_env(GOOD | kong)
    assert settings.kong_admin_url == "http://kong-admin:8001"
    assert settings.kong_upstream == "newsrec-api"
    assert settings.kong_canary == "api-canary:8000"


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"HOOKS_TOKEN": "short"}, "HOOKS_TOKEN"),
        ({"HOOKS_TOKEN": "", "NEWSREC_VAR": "/nonexistent"}, "HOOKS_TOKEN"),
        ({"HOOKS_TOKEN": "", "HOOKS_TOKEN_FILE": "/nonexistent"}, "HOOKS_TOKEN_FILE"),
        ({"HOOKS_TOKEN": "", "HOOKS_TOKEN_FILE": "/"}, "HOOKS_TOKEN_FILE"),
        ({"HOOKS_TOKEN": "", "HOOKS_TOKEN_FILE": "/dev/null"}, "HOOKS_TOKEN"),
        ({"AIRFLOW_PASSWORD": "", "NEWSREC_VAR": "/nonexistent"}, "AIRFLOW_PASSWORD"),
        ({"AIRFLOW_URL": "ftp://h"}, "AIRFLOW_URL"),
        ({"AIRFLOW_URL": "http://"}, "AIRFLOW_URL"),
        ({"AIRFLOW_URL": "http://h:port"}, "AIRFLOW_URL"),
        ({"AIRFLOW_URL": "http://user:hush@h"}, "AIRFLOW_URL"),
        ({"KONG_ADMIN_URL": "http://kong:8001"}, "KONG_CANARY"),
        ({"KONG_ADMIN_URL": "https://kong:8001", "KONG_CANARY": "c:1"}, "KONG_ADMIN_URL"),
    ],
)
def test_a_wrong_setting_is_named_first(change: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} ") as error:
        Settings.from_env(GOOD | change)
    assert "hush" not in str(error.value)


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "٣", "9" * 5000])
def test_a_port_is_a_port(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^HOOKS_PORT "):
        whole_number({"HOOKS_PORT": text}, "HOOKS_PORT", 8090)
