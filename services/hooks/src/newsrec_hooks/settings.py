"""Where Airflow and Kong are and what is secret: one frozen object, read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


class SettingsError(Exception):
    """A variable is missing or wrong; the message begins with its name."""


@dataclass(frozen=True)
class Settings:
    """Everything the receiver is told from outside.

    `token` is what Alertmanager sends. Without a `kong_admin_url` there is no canary to abort;
    with one, `kong_canary` is the target (host:port) of `kong_upstream` that loses its weight.
    """

    token: str = field(repr=False)
    airflow_password: str = field(repr=False)
    airflow_url: str = "http://127.0.0.1:8080"
    airflow_user: str = "admin"
    kong_admin_url: str | None = None
    kong_upstream: str = "newsrec-api"
    kong_canary: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings; local secrets live under NEWSREC_VAR (default ``var``).

        Raises:
            SettingsError: naming the variable that is missing or wrong.
        """
        secrets = Path(env.get("NEWSREC_VAR") or "var").absolute() / "secrets"
        token = _secret(env, "HOOKS_TOKEN", secrets / "hooks_token")
        if len(token) < 16:
            raise SettingsError("HOOKS_TOKEN must have at least 16 characters")
        kong = env.get("KONG_ADMIN_URL") or None
        canary = env.get("KONG_CANARY") or ""
        if kong and not canary:
            raise SettingsError("KONG_CANARY is not set, but KONG_ADMIN_URL is: host:port")
        return cls(
            token=token,
            airflow_password=_secret(env, "AIRFLOW_PASSWORD", secrets / "airflow_password"),
            airflow_url=_url("AIRFLOW_URL", env.get("AIRFLOW_URL") or cls.airflow_url, "https"),
            airflow_user=env.get("AIRFLOW_USER") or cls.airflow_user,
            kong_admin_url=_url("KONG_ADMIN_URL", kong) if kong else None,
            kong_upstream=env.get("KONG_UPSTREAM") or cls.kong_upstream,
            kong_canary=canary,
        )


def whole_number(env: Mapping[str, str], name: str, default: int) -> int:
    """A number from 1 to 65535, enough for ports and threads.

    Raises:
        SettingsError: when the variable is anything else.
    """
    text = env.get(name) or str(default)
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= number <= 65535:
        raise SettingsError(f"{name} must be a whole number from 1 to 65535, not {text!r}")
    return number


def _secret(env: Mapping[str, str], name: str, default_file: Path) -> str:
    """The variable itself, or what the file holds that NAME_FILE (or the default) names."""
    if value := env.get(name):
        return value
    named = env.get(f"{name}_FILE")
    try:
        value = Path(named or default_file).read_text(encoding="utf-8").strip()
    except FileNotFoundError as e:
        if named:
            raise SettingsError(f"{name}_FILE names {named}, which is not there") from e
        raise SettingsError(f"{name} is not set and {default_file} is not there") from e
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"{name}_FILE cannot be read: {e}") from e
    if not value:
        raise SettingsError(f"{name} is empty")
    return value


def _url(name: str, url: str, *more: str) -> str:
    # The message shows no URL: somebody may have put a password into it.
    schemes = ("http", *more)
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and parts.hostname and (parts.port or 1)
        good = good and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        good = False
    if not good:
        raise SettingsError(f"{name} must be like {schemes[-1]}://host:port, without a password")
    return url.rstrip("/")
