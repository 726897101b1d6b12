"""Settings are read once and name the variable that is wrong; the clock follows them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsrec_api.clock import clock, real_time
from newsrec_api.settings import Settings, SettingsError

GOOD = {
    "DATABASE_URL": "postgresql://u:secret@h/d",
    "LINK_SECRET": "l" * 16,
    "ADMIN_TOKEN": "a" * 16,
}


def test_everything_else_has_a_safe_default() -> None:
    settings = Settings.from_env(GOOD)
    assert settings.public_url == "http://127.0.0.1:8000"
    assert not settings.demo
    assert settings.clock_start is None
    assert settings.audit_token is None
    assert settings.store_url.startswith("file:///")
    assert settings.store_url.endswith("/var/store")


def test_secrets_and_the_database_are_found_in_files_and_never_shown(tmp_path: Path) -> None:
    for name, text in (
        ("postgres/url", "postgresql://u:secret@h/d\n"),
        ("secrets/link_secret", "l" * 20 + "\n"),
        ("secrets/admin_token", "a" * 20 + "\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "audit").write_text("u" * 20 + "\n")
    env = {"NEWSREC_VAR": str(tmp_path), "AUDIT_TOKEN_FILE": str(tmp_path / "audit")}
    settings = Settings.from_env(env)
    assert settings.audit_token == "u" * 20
    assert settings.link_secret == "l" * 20
    assert "secret@" not in repr(settings)
    assert "llll" not in repr(settings)
    assert "aaaa" not in repr(settings)
    assert "uuuu" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"DATABASE_URL": "mysql://h"}, "DATABASE_URL"),
        ({"DATABASE_URL": "", "NEWSREC_VAR": "/nonexistent"}, "DATABASE_URL"),
        ({"DATABASE_URL": "", "DATABASE_URL_FILE": "/nonexistent"}, "DATABASE_URL_FILE"),
        ({"LINK_SECRET": "short"}, "LINK_SECRET"),
        ({"ADMIN_TOKEN": "", "NEWSREC_VAR": "/nonexistent"}, "ADMIN_TOKEN"),
        ({"ADMIN_TOKEN": "", "ADMIN_TOKEN_FILE": "/"}, "ADMIN_TOKEN_FILE"),
        ({"AUDIT_TOKEN": "short"}, "AUDIT_TOKEN"),
        ({"AUDIT_TOKEN_FILE": "/nonexistent"}, "AUDIT_TOKEN_FILE"),
        ({"STORE_URL": "var/store"}, "STORE_URL"),
        ({"PUBLIC_URL": "ftp://h"}, "PUBLIC_URL"),
        ({"DEMO": "perhaps"}, "DEMO"),
        ({"CLOCK_START": "noon"}, "CLOCK_START"),
        ({"CLOCK_START": "2026-03-08T08:00:00"}, "CLOCK_START"),
        ({"THREADS": "0"}, "THREADS"),
        ({"THREADS": "two"}, "THREADS"),
    ],
)
def test_a_wrong_setting_is_named_first(change: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} "):
        Settings.from_env(GOOD | change)


def test_a_simulated_clock_starts_where_it_is_told_and_ticks() -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    env = {"CLOCK_START": "2026-03-08T08:00:00Z", "CLOCK_BEGAN": began.isoformat()}
    now = clock(Settings.from_env(GOOD | env))
    first = now()
    assert timedelta(0) <= first - datetime(2026, 3, 8, 9, tzinfo=UTC) < timedelta(minutes=1)
    assert now() >= first


def test_without_a_start_the_clock_is_the_real_one() -> None:
    assert clock(Settings.from_env(GOOD)) is real_time
