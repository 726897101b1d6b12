"""Settings of the mailer: read once from the environment, checked, frozen."""

from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, ConfigDict

from newsrec_mailer.addresses import is_address
from newsrec_mailer.errors import ConfigError

_LOCAL_SENDER = "newsrec <digest@newsrec.example>"
_LOCAL_URL = "http://127.0.0.1:8000"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SmtpSettings(_Frozen):
    """One SMTP server. `timeout` is in seconds and holds for each answer of the server."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool  # from the first byte on (smtps)
    starttls: bool
    timeout: float


class Settings(_Frozen):
    """Where things are, and who sends. Without `smtp`, messages become files below `outbox`."""

    database_url: str
    link_secret: str
    public_url: str
    sender_name: str
    sender_address: str
    unsubscribe_address: str | None
    smtp: SmtpSettings | None
    outbox: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings; an empty variable counts as unset.

        Raises:
            ConfigError: naming the variable that is missing or wrong.
        """
        var = Path(env.get("NEWSREC_VAR") or "var").absolute()
        smtp_url = _value(env, "SMTP_URL")
        for name in ("MAIL_FROM", "PUBLIC_URL"):
            if smtp_url and not env.get(name):
                raise ConfigError(f"{name} must be set when SMTP_URL is")
        sender = env.get("MAIL_FROM") or _LOCAL_SENDER
        sender_name, sender_address = parseaddr(sender)
        # Some versions of Python parse what follows a line break into nothing.
        if not sender.isprintable() or not is_address(sender_address):
            raise ConfigError("MAIL_FROM must be an address such as newsrec <digest@example.org>")
        unsubscribe = env.get("MAIL_UNSUBSCRIBE") or None
        if unsubscribe and not is_address(unsubscribe):
            raise ConfigError("MAIL_UNSUBSCRIBE must be an address such as leave@example.org")
        return cls(
            database_url=_database_url(env, var),
            link_secret=_secret(env, "LINK_SECRET", var / "secrets" / "link_secret"),
            public_url=_public_url(env.get("PUBLIC_URL") or _LOCAL_URL),
            sender_name=sender_name,
            sender_address=sender_address,
            unsubscribe_address=unsubscribe,
            smtp=_smtp(smtp_url, env.get("SMTP_TIMEOUT") or "120") if smtp_url else None,
            outbox=Path(env.get("OUTBOX") or var / "outbox").absolute(),
        )


def _value(env: Mapping[str, str], name: str) -> str | None:
    """A variable, or the content of the file that its ``…_FILE`` twin names."""
    if value := env.get(name):
        return value
    if not (file := env.get(f"{name}_FILE")):
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{name}_FILE names {file}, which cannot be read") from e


def _secret(env: Mapping[str, str], name: str, default: Path) -> str:
    """A value that has a default file; `default` is where the local programs leave it."""
    value = _value(env, name)
    if value is None and default.is_file():
        value = _value({f"{name}_FILE": str(default)}, name)
    if not value:
        raise ConfigError(f"{name} is not set, and {default} holds none")
    return value


def _database_url(env: Mapping[str, str], var: Path) -> str:
    url = _secret(env, "DATABASE_URL", var / "postgres" / "url")
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigError("DATABASE_URL must start with postgresql://")
    return url


def _public_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or not url.isascii() or not url.isprintable():
        raise ConfigError(f"PUBLIC_URL must be like https://news.example.org, not {url!r}")
    return url.rstrip("/")


def _smtp(url: str, timeout: str) -> SmtpSettings:
    # No message of these errors may show the URL: it holds a password.
    try:
        seconds = float(timeout)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise ConfigError(f"SMTP_TIMEOUT must be seconds, not {timeout!r}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as e:
        raise ConfigError("SMTP_URL must be like smtp://user:password@host:587") from e
    options = parse_qs(parts.query)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ConfigError("SMTP_URL must be like smtp://user:password@host:587")
    # Who logs in says her password only over TLS, unless told otherwise.
    choice = options.pop("starttls", ["yes" if parts.username else "no"])[-1]
    if options or choice not in {"yes", "no"}:
        raise ConfigError("SMTP_URL knows one option: ?starttls=yes or ?starttls=no")
    tls = parts.scheme == "smtps"
    starttls = choice == "yes" and not tls
    return SmtpSettings(
        host=parts.hostname,
        port=port or (465 if tls else 587 if starttls else 25),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or "") if parts.username else None,
        tls=tls,
        starttls=starttls,
        timeout=seconds,
    )
