"""Settings: places and secrets, from the environment; a wrong variable is named at once."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from newsrec_pipelines.errors import ConfigError


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrackingSettings(_Frozen):
    """Who keeps records of runs, and for how long anybody waits for them.

    Attributes:
        trackers: ``mlflow``, ``neptune``, both, or none.
        wait_seconds: that a stage waits at its end for the trackers; 0: they go on without it.
        limit_seconds: after which whoever talks to a tracker is ended.
        mlflow_uri: a server, or a database of MLflow's own.
        mlflow_artifacts: where pictures go when it is a database; a server says so itself.
        neptune_project: ``workspace/project``.
        neptune_token: with it, records go to the server that it names; without, into a folder.
    """

    trackers: tuple[Literal["mlflow", "neptune"], ...] = ()
    wait_seconds: float = Field(default=0.0, ge=0)
    limit_seconds: float = Field(default=120.0, gt=0)
    mlflow_uri: str = ""
    mlflow_artifacts: str = ""
    neptune_project: str = "newsrec/newsrec"
    neptune_token: str | None = Field(default=None, repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str], var: Path) -> Self:
        """Read them; what is local lies below `var`.

        Raises:
            ConfigError: naming the variable that is wrong.
        """
        wait = _seconds(env, "TRACKING_WAIT", 0.0, allow_zero=True)
        uri = env.get("MLFLOW_TRACKING_URI") or f"sqlite:///{var / 'mlflow' / 'mlflow.db'}"
        # SQLAlchemy 2.1 would take psycopg 3, which is not here.
        uri = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", uri)
        return cls(
            trackers=_trackers(env),
            wait_seconds=wait,
            limit_seconds=_seconds(env, "TRACKING_LIMIT", 120.0),
            mlflow_uri=uri,
            mlflow_artifacts=env.get("MLFLOW_ARTIFACT_ROOT")
            or (var / "mlflow" / "artifacts").as_uri(),
            neptune_project=env.get("NEPTUNE_PROJECT") or "newsrec/newsrec",
            neptune_token=_secret(env, "NEPTUNE_API_TOKEN"),
        )


class Settings(_Frozen):
    """Where things are. Read once, by the composition root of each program."""

    var: Path
    store_url: str
    database_url: str | None
    outbox: Path
    git_commit: str
    pushgateway_url: str | None = None
    tracking: TrackingSettings = TrackingSettings()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings; local defaults live under NEWSREC_VAR (default ``var``).

        An empty variable counts as unset, as in .env.example.

        Raises:
            ConfigError: naming the variable that is wrong.
        """
        var = Path(env.get("NEWSREC_VAR") or "var").absolute()
        store_url = env.get("STORE_URL") or (var / "store").as_uri()
        if not store_url.startswith(("file://", "s3://")):
            raise ConfigError(f"STORE_URL must start with file:// or s3://, not {store_url!r}")
        return cls(
            var=var,
            store_url=store_url.rstrip("/"),
            database_url=_database_url(env, var),
            outbox=Path(env.get("OUTBOX") or var / "outbox").absolute(),
            git_commit=env.get("GIT_COMMIT") or "unknown",
            pushgateway_url=_http_url(env, "PUSHGATEWAY_URL"),
            tracking=TrackingSettings.from_env(env, var),
        )

    def require_database_url(self) -> str:
        """The database's URL, or one line that says how to get one."""
        if self.database_url is None:
            raise ConfigError(
                "DATABASE_URL is not set and no embedded PostgreSQL was started (make db-start)"
            )
        return self.database_url


def _database_url(env: Mapping[str, str], var: Path) -> str | None:
    if url := env.get("DATABASE_URL"):
        if not url.startswith(("postgresql://", "postgres://")):
            raise ConfigError("DATABASE_URL must start with postgresql://")
        return url
    file = Path(env.get("DATABASE_URL_FILE") or var / "postgres" / "url")
    if file.is_file():
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as e:
            raise ConfigError(f"DATABASE_URL_FILE names {file}, which cannot be read") from e
    if env.get("DATABASE_URL_FILE"):
        raise ConfigError(f"DATABASE_URL_FILE names {file}, which is not a file")
    return None


def _trackers(env: Mapping[str, str]) -> Any:
    names = (env.get("TRACKERS") or "mlflow,neptune").split(",")
    found = tuple(dict.fromkeys(n.strip() for n in names if n.strip() != "none"))
    if strange := [n for n in found if n not in ("mlflow", "neptune")]:
        raise ConfigError(f"TRACKERS names {strange[0]!r}: there are mlflow, neptune and none")
    return found


def _seconds(
    env: Mapping[str, str], name: str, default: float, *, allow_zero: bool = False
) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and (value > 0 or (allow_zero and value == 0))):
        raise ConfigError(f"{name} must be a number of seconds, not {text!r}")
    return value


def _secret(env: Mapping[str, str], name: str) -> str | None:
    if value := env.get(name):
        return value
    if not (file := env.get(f"{name}_FILE")):
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{name}_FILE names {file}, which cannot be read") from e


def _http_url(env: Mapping[str, str], name: str) -> str | None:
    if not (url := env.get(name)):
        return None
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{name} must start with http:// or https://, not {url!r}")
    return url.rstrip("/")
