"""Settings (places, secrets) from the environment, parameters (what changes a result) from YAML."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from newsrec_pipelines.errors import ConfigError


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Settings(_Frozen):
    """Where things are. Read once, by the composition root of each program."""

    var: Path
    store_url: str
    database_url: str | None
    outbox: Path
    git_commit: str

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


class DirtParams(_Frozen):
    """How dirty the simulated landing zone is: shares of a day's records (or visits) of one kind.

    A kind whose share is above 0 occurs at least once a day.
    """

    malformed: float = Field(default=0.0005, ge=0, le=0.5)  # lines that are not JSON
    ill_typed: float = Field(default=0.0005, ge=0, le=0.5)  # required fields missing or mistyped
    duplicates: float = Field(default=0.001, ge=0, le=0.5)  # the same record twice
    late: float = Field(default=0.003, ge=0, le=0.5)  # visits that arrive 1 or 2 days later
    # Visits that arrive `too_late_days` later.
    too_late: float = Field(default=0.0002, ge=0, le=0.5)
    too_late_days: int = Field(default=6, ge=1)
    repeated: float = Field(default=0.001, ge=0, le=0.5)  # visits that arrive again the next day
    corrections: float = Field(default=0.01, ge=0, le=0.5)  # articles corrected the next day


class WorldParams(_Frozen):
    """The simulated world; see datasets/world."""

    seed: int
    start: date
    readers: int = Field(gt=0)
    articles_per_day: int = Field(gt=0)
    history_days: int = Field(ge=1)
    visits_per_day: float = Field(default=2.0, gt=0)  # of one reader, on average
    taste_strength: float = Field(default=1.0, ge=0)  # 0: all readers like the same
    shift_day: date | None = None  # from this day on, all readers have other tastes
    dirt: DirtParams = DirtParams()


class EtlParams(_Frozen):
    """What the ETL accepts."""

    late_days: int = Field(ge=0)
    future_tolerance_minutes: int = Field(ge=0)
    max_dwell_seconds: float = Field(gt=0)


class FeatureParams(_Frozen):
    """Resolution and length of the counters; windows are sums over their last buckets."""

    fine_bucket_minutes: int = Field(gt=0)
    fine_buckets: int = Field(gt=0)
    coarse_bucket_minutes: int = Field(gt=0)
    coarse_buckets: int = Field(gt=0)
    user_half_life_days: float = Field(gt=0)
    article_state_days: int = Field(default=7, ge=2)  # silent for longer: totals start anew
    ctr_prior_clicks: float = Field(default=1.0, gt=0)
    ctr_prior_exposures: float = Field(default=20.0, gt=0)

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        # The ranker's windows of 1, 3 and 24 hours are whole buckets, and buckets never cross days.
        fine, coarse = self.fine_bucket_minutes, self.coarse_bucket_minutes
        if 60 % fine or coarse % fine or 1440 % coarse:
            raise ValueError("buckets must divide an hour, each other and a day")
        if fine * self.fine_buckets < 180 or coarse * self.coarse_buckets < 1440:
            raise ValueError("fine buckets must cover 3 hours and coarse ones 24 hours")
        return self


class PopularityParams(_Frozen):
    """Popularity with exponential decay."""

    half_life_hours: float = Field(gt=0)


class AlsParams(_Frozen):
    """Implicit-feedback ALS (Hu, Koren & Volinsky 2008) with dwell as confidence."""

    embedding_size: int = Field(gt=0)
    epochs: int = Field(gt=0)
    reg: float = Field(ge=0)
    alpha: float = Field(gt=0)


class ContentParams(_Frozen):
    """TF-IDF and truncated SVD over title, abstract and category."""

    max_features: int = Field(gt=0)
    embedding_size: int = Field(gt=0)
    half_life_days: float = Field(gt=0)


class RankerParams(_Frozen):
    """The linear ranker that blends the scorers."""

    reg: float = Field(gt=0)
    max_examples: int = Field(gt=0)
    negatives_per_read: int = Field(gt=0)


class TrainingParams(_Frozen):
    """How much of the past a model sees."""

    window_days: int = Field(gt=0)
    ranker_days: int = Field(gt=0)
    seed: int
    full_dwell_seconds: float = Field(gt=0)
    click_weight: float = Field(ge=0, le=1)


class SlateParams(_Frozen):
    """What is written for every reader."""

    depth: int = Field(ge=10, le=50)
    max_age_hours: float = Field(gt=0)
    candidates_per_scorer: int = Field(gt=0)
    max_per_publisher: int = Field(gt=0)
    keep_runs: int = Field(ge=2)


class Params(_Frozen):
    """Everything that changes a result: the whole of params.yaml."""

    world: WorldParams
    etl: EtlParams
    features: FeatureParams
    popularity: PopularityParams
    als: AlsParams
    content: ContentParams
    ranker: RankerParams
    training: TrainingParams
    slate: SlateParams

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read params.yaml, or a file that says which one it `extends` and what it changes.

        Raises:
            ConfigError: naming the file and the first wrong entry.
        """
        content = _read_yaml(path)
        if isinstance(content, dict) and isinstance(base := content.pop("extends", None), str):
            content = _changed(_read_yaml(path.parent / base), content)
        try:
            return cls.model_validate(content)
        except ValidationError as e:
            first = e.errors()[0]
            where = ".".join(str(p) for p in first["loc"]) or "the whole file"
            raise ConfigError(f"{path}: {where}: {first['msg']}") from e


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"cannot read {path}: {e.strerror}") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(e).split())}") from e


def _changed(base: Any, changes: Any) -> Any:
    """`base` with the entries of `changes` in place of its own, section by section."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return base | {key: _changed(base.get(key), value) for key, value in changes.items()}
