"""Where things are and what is secret: one frozen object, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self


class SettingsError(Exception):
    """A variable is missing or wrong; the message begins with its name."""


@dataclass(frozen=True)
class Settings:
    """Everything the API is told from outside.

    Without an `audit_token` nothing is explained: an explanation tells what somebody has read.
    `store_url` is where scoring keeps its files.

    `clock_start` is the moment at which the API believes that it began (simulated worlds only);
    `clock_began` is the real moment of that beginning, shared by all worker processes.
    """

    database_url: str = field(repr=False)
    link_secret: str = field(repr=False)
    admin_token: str = field(repr=False)
    audit_token: str | None = field(default=None, repr=False)
    store_url: str = ""
    public_url: str = "http://127.0.0.1:8000"
    demo: bool = False
    clock_start: datetime | None = None
    clock_began: datetime | None = None
    pool_size: int = 1

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings; local defaults live under NEWSREC_VAR (default ``var``).

        Raises:
            SettingsError: naming the variable that is missing or wrong.
        """
        var = Path(env.get("NEWSREC_VAR") or "var").absolute()
        return cls(
            database_url=_database_url(env, var),
            link_secret=_secret(env, "LINK_SECRET", var / "secrets" / "link_secret"),
            admin_token=_secret(env, "ADMIN_TOKEN", var / "secrets" / "admin_token"),
            audit_token=_audit_token(env),
            store_url=_store_url(env, var),
            public_url=_public_url(env),
            demo=_flag(env, "DEMO"),
            clock_start=_moment(env, "CLOCK_START"),
            clock_began=_moment(env, "CLOCK_BEGAN"),
            pool_size=whole_number(env, "THREADS", 1),
        )


def whole_number(env: Mapping[str, str], name: str, default: int) -> int:
    """A number from 1 to 65535, enough for ports, workers and threads.

    Raises:
        SettingsError: when the variable is anything else.
    """
    text = env.get(name) or str(default)
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= number <= 65535:
        raise SettingsError(f"{name} must be a whole number from 1 to 65535, not {text!r}")
    return number


def _database_url(env: Mapping[str, str], var: Path) -> str:
    url = _read(env, "DATABASE_URL", var / "postgres" / "url")
    if url is None:
        raise SettingsError(
            "DATABASE_URL is not set and no embedded PostgreSQL was started (make db-start)"
        )
    if not url.startswith(("postgresql://", "postgres://")):
        raise SettingsError("DATABASE_URL must start with postgresql://")
    return url


def _secret(env: Mapping[str, str], name: str, default_file: Path) -> str:
    value = _read(env, name, default_file)
    if value is None:
        raise SettingsError(f"{name} is not set and {default_file} is not there")
    return _long_enough(name, value)


def _audit_token(env: Mapping[str, str]) -> str | None:
    value = _read(env, "AUDIT_TOKEN", None)
    return _long_enough("AUDIT_TOKEN", value) if value is not None else None


def _long_enough(name: str, value: str) -> str:
    if len(value) < 16:
        raise SettingsError(f"{name} must have at least 16 characters")
    return value


def _store_url(env: Mapping[str, str], var: Path) -> str:
    url = env.get("STORE_URL") or (var / "store").as_uri()
    if not url.startswith(("file://", "s3://")):
        raise SettingsError(f"STORE_URL must start with file:// or s3://, not {url!r}")
    return url.rstrip("/")


def _read(env: Mapping[str, str], name: str, default_file: Path | None) -> str | None:
    """The variable itself, or what the file holds that NAME_FILE (or the default) names."""
    if value := env.get(name):
        return value
    named = env.get(f"{name}_FILE")
    file = Path(named) if named else default_file
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError as e:
        if named:
            raise SettingsError(f"{name}_FILE names {named}, which is not there") from e
        return None
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"{name}_FILE cannot be read: {e}") from e


def _public_url(env: Mapping[str, str]) -> str:
    url = env.get("PUBLIC_URL") or "http://127.0.0.1:8000"
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"PUBLIC_URL must start with http:// or https://, not {url!r}")
    return url.rstrip("/")


def _flag(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "").lower()
    if text not in ("", "0", "1", "true", "false"):
        raise SettingsError(f"{name} must be 0 or 1, not {text!r}")
    return text in ("1", "true")


def _moment(env: Mapping[str, str], name: str) -> datetime | None:
    text = env.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise SettingsError(f"{name} must be an ISO time such as 2026-03-08T08:00:00Z") from e
    if moment.tzinfo is None:
        raise SettingsError(f"{name} needs an offset, for example {text}+00:00")
    return moment.astimezone(UTC)
