"""The mailer's settings: local defaults, and one clear line for each wrong variable."""

from pathlib import Path

import pytest

from newsrec_mailer.errors import ConfigError
from newsrec_mailer.settings import Settings, SmtpSettings

GOOD = {
    "DATABASE_URL": "postgresql://u:p@127.0.0.1/x",
    "LINK_SECRET": "a secret",
    "PUBLIC_URL": "https://news.example.org",
    "MAIL_FROM": "The News <digest@news.example.org>",
}


def smtp(url: str, **more: str) -> SmtpSettings:
    settings = Settings.from_env({**GOOD, "SMTP_URL": url, **more}).smtp
    assert settings is not None
    return settings


def test_a_laptop_needs_only_the_files_that_the_local_programs_leave(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "url").write_text("postgresql://u:p@127.0.0.1/x\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "link_secret").write_text("a secret\n")
    # As in .env.example, where everything is named and most of it is empty.
    empty = dict.fromkeys(
        ("DATABASE_URL", "LINK_SECRET", "SMTP_URL", "MAIL_FROM", "OUTBOX", "PUBLIC_URL"), ""
    )
    settings = Settings.from_env({"NEWSREC_VAR": str(tmp_path), **empty})
    assert settings.database_url == "postgresql://u:p@127.0.0.1/x"
    assert settings.link_secret == "a secret"
    assert settings.smtp is None
    assert settings.outbox == tmp_path / "outbox"
    assert settings.public_url == "http://127.0.0.1:8000"


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "smtp").write_text("smtps://me:p%40ss@mail.example.org\n")
    env = {**GOOD, "SMTP_URL_FILE": str(tmp_path / "smtp")}
    settings = Settings.from_env(env)
    assert settings.smtp == SmtpSettings(
        host="mail.example.org",
        port=465,
        user="me",
        password="p@ss",
        tls=True,
        starttls=False,
        timeout=120,
    )
    assert settings.sender_name == "The News"
    assert settings.sender_address == "digest@news.example.org"


def test_a_login_goes_over_tls_unless_told_otherwise() -> None:
    assert smtp("smtp://me:pw@mail.example.org").starttls is True
    assert smtp("smtp://me:pw@mail.example.org").port == 587
    assert smtp("smtp://me:pw@mail.example.org?starttls=no").starttls is False
    assert smtp("smtp://mail.example.org").starttls is False
    assert smtp("smtp://mail.example.org").port == 25
    assert smtp("smtp://mail.example.org:2525?starttls=yes").port == 2525


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", ""),
        ("LINK_SECRET", ""),
        ("PUBLIC_URL", "news.example.org"),
        ("PUBLIC_URL", "ftp://news.example.org"),
        ("PUBLIC_URL", "https://news.example.org/?a=b"),
        ("PUBLIC_URL", "https://news.example.org:port"),
        ("PUBLIC_URL", "https://news.example.org/\r\nBcc: x"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", "A <a@b.example>\r\nBcc: c@d.example"),
        ("MAIL_UNSUBSCRIBE", "not an address"),
        ("SMTP_URL", "http://mail.example.org"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://host:port"),
        ("SMTP_URL", "smtp://host?tls=maybe"),
        ("SMTP_URL", "smtp://host?starttls=perhaps"),
        ("SMTP_TIMEOUT", "soon"),
        ("SMTP_TIMEOUT", "-1"),
        ("SMTP_TIMEOUT", "nan"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(variable: str, value: str, tmp_path: Path) -> None:
    env = {**GOOD, "NEWSREC_VAR": str(tmp_path), "SMTP_URL": "smtp://h", variable: value}
    with pytest.raises(ConfigError, match=variable) as error:
        Settings.from_env(env)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("variable", ["MAIL_FROM", "PUBLIC_URL"])
def test_real_mail_needs_a_sender_and_a_public_url(variable: str) -> None:
    with pytest.raises(ConfigError, match=f"{variable} must be set when SMTP_URL is"):
        Settings.from_env({**GOOD, "SMTP_URL": "smtp://h", variable: ""})


def test_the_password_of_a_wrong_smtp_url_is_not_shown() -> None:
    for url in ("smtp://me:hunter2@host:port", "http://me:hunter2@host", "smtp://me:hunter2@h?x=1"):
        with pytest.raises(ConfigError) as error:
            Settings.from_env({**GOOD, "SMTP_URL": url})
        assert "hunter2" not in str(error.value)


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    env = {**GOOD, "LINK_SECRET": "", "LINK_SECRET_FILE": str(tmp_path / "none")}
    with pytest.raises(ConfigError, match="LINK_SECRET_FILE names"):
        Settings.from_env(env)
