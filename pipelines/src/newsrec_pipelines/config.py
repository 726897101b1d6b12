"""Settings (places, secrets) from the environment, parameters (what changes a result) from YAML."""

import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from newsrec_pipelines.errors import ConfigError

Section = TypeVar("Section", bound=BaseModel)


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
    # log odds lost with each earlier exposure to it that day
    fatigue: float = Field(default=0.5, ge=0)
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
    days: int = Field(default=30, ge=30, le=366)  # length of the ring of whole days
    user_half_life_days: float = Field(gt=0)
    article_state_days: int = Field(default=7, ge=2)  # silent for longer: totals start anew
    # an earlier exposure is forgotten after so many days
    exposure_history_days: int = Field(default=7, ge=1)
    ctr_prior_clicks: float = Field(default=1.0, gt=0)
    ctr_prior_exposures: float = Field(default=20.0, gt=0)

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        # The ranker's windows up to 24 hours are whole buckets, and buckets never cross days.
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
    warm_epochs: int = Field(default=3, gt=0)  # when it starts from earlier factors
    reg: float = Field(gt=0)  # without, readers with few reads have no one solution
    alpha: float = Field(gt=0)
    content_reg: float = Field(default=10.0, gt=0)  # ridge: factors of unread articles from texts


class ContentParams(_Frozen):
    """Vectors of title, abstract and category."""

    encoder: str = Field(default="tfidf", pattern=r"^(tfidf|sentence:.+)$")
    max_features: int = Field(gt=0)
    embedding_size: int = Field(gt=0)
    half_life_days: float = Field(gt=0)


class CoReadParams(_Frozen):
    """Item-to-item: what readers of an article read within the same day."""

    neighbours: int = Field(default=50, gt=0)
    shrinkage: float = Field(default=5.0, ge=0)  # co-reads that a similarity is shrunk by
    half_life_days: float = Field(default=2.0, gt=0)
    recent_reads: int = Field(default=20, gt=0)  # of a reader, that vote


class CandidateParams(_Frozen):
    """How many candidates each source gives a reader; 0 switches it off."""

    als: int = Field(default=40, ge=0)
    content: int = Field(default=30, ge=0)
    coread: int = Field(default=20, ge=0)
    popularity: int = Field(default=30, ge=0)  # trending by region
    fresh: int = Field(default=20, ge=0)  # the newest, first of chosen and then of read categories


class RankerParams(_Frozen):
    """LambdaMART (Burges 2010), by LightGBM."""

    trees: int = Field(default=150, gt=0)
    learning_rate: float = Field(default=0.05, gt=0)
    leaves: int = Field(default=7, gt=1)
    min_leaf: int = Field(default=50, gt=0)
    reg: float = Field(default=1.0, ge=0)
    feature_share: float = Field(default=0.7, gt=0, le=1)
    bagging_share: float = Field(default=0.8, gt=0, le=1)
    grades: int = Field(default=12, ge=1, le=30)  # of relevance: a whole read has the highest
    bounce_seconds: float = Field(default=5.0, ge=0)  # opened and left before: no relevance at all
    # What a list counts in which hardly anything was read, beside one with a whole read.
    least_weight: float = Field(default=0.2, gt=0, le=1)
    position_reg: float = Field(default=0.0, ge=0)  # of the position bias, where the order is known
    # Of the training: another number gives other last bits; on a busy machine, more are slower.
    threads: int = Field(default=1, gt=0)
    max_examples: int = Field(gt=0)
    negatives_per_read: int = Field(gt=0)
    off: tuple[str, ...] = ()  # feature groups or scorers that the ranker does not see (ablation)


class TrainingParams(_Frozen):
    """How much of the past a model sees, and where it starts."""

    window_days: int = Field(gt=0)
    ranker_days: int = Field(gt=0)
    max_reads: int = Field(default=50_000_000, gt=0)  # the newest; older ones are not learnt from
    checkpoint: Literal["champion", "none"] = "champion"  # whose factors a training starts from
    seed: int
    full_dwell_seconds: float = Field(gt=0)
    click_weight: float = Field(ge=0, le=1)
    # The newest versions and the last champions, so many of each; others are pruned.
    keep_versions: int = Field(default=14, ge=2)
    keep_snapshot: bool = True  # of each version, so that it can be made again


class SlateParams(_Frozen):
    """What is written for every reader."""

    depth: int = Field(ge=10, le=50)
    max_age_hours: float = Field(gt=0)
    max_per_publisher: int = Field(gt=0)
    diversity: float = Field(default=0.3, ge=0, le=1)  # 0: by score alone (MMR's 1 - lambda)
    exploration: float = Field(default=0.05, ge=0, lt=1)  # chance of a place to go to an unseen one
    explore_below: int = Field(default=50, ge=0)  # exposures in 24 hours: fewer is unseen
    explore_from: int = Field(default=4, ge=1)  # the first place that may go to one
    # How far a publisher can be trusted, by name, 0 to 1, as the editors say; see docs.
    reliability: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    unrated_reliability: float = Field(default=0.7, ge=0, le=1)
    least_reliability: float = Field(default=0.3, ge=0, le=1)  # below: never recommended
    held_back_below: float = Field(default=0.5, ge=0, le=1)  # below: at most one, not at the top
    keep_runs: int = Field(ge=2)


class BacktestParams(_Frozen):
    """How systems are compared."""

    bootstrap: int = Field(default=1000, gt=0)  # resamples of readers
    confidence: float = Field(default=0.95, gt=0, lt=1)
    cold_reads: int = Field(default=3, ge=0)  # readers with at most so many reads are cold
    cold_article_clicks: int = Field(default=0, ge=0)  # articles with at most so many are cold
    # The last days of a back-test, of which each part of ours is switched off: a refit a part and
    # model. All days when one model serves them all.
    ablation_days: int = Field(default=1, ge=1)
    # What a back-test evaluates unless its command says otherwise.
    first_day: date | None = None
    last_day: date | None = None


class CheckParams(_Frozen):
    """What input data must be like before a model learns from it. Shares are 0 to 1."""

    usual_weeks: int = Field(default=4, ge=1)  # the same weekday of so many weeks
    least_weekdays: int = Field(default=3, ge=1)  # with fewer of them: the last days
    usual_days: int = Field(default=7, ge=1)
    least_days: int = Field(default=3, ge=1)  # with fewer days nothing is usual yet
    fewer: float = Field(default=0.5, gt=0, lt=1)  # so much below what is usual stops
    more: float = Field(default=1.0, gt=0)  # so much above it warns
    source_articles: float = Field(default=3.0, gt=0)  # a day, of a source that is waited for
    # their usual share, above which it stops
    silent_sources: float = Field(default=0.3, ge=0, le=1)
    dead_letters: float = Field(default=0.05, ge=0, le=1)  # of the records, above which it stops
    duplicates: float = Field(default=0.2, ge=0, le=1)  # of the records, above which it warns
    unknown: float = Field(default=0.2, ge=0, le=1)  # of a region, language or category: it warns


class DriftParams(_Frozen):
    """When readers or articles are said to be others than in the days before."""

    reference_days: int = Field(default=7, ge=2)
    least_days: int = Field(default=3, ge=2)  # of known taste, with fewer nothing can be told
    sample: int = Field(default=50_000, gt=0)  # views, articles or readers that are looked at
    taste_days: int = Field(default=7, ge=1)  # of her views say what a reader usually opens
    taste_views: int = Field(default=5, ge=1)  # with fewer nobody can say
    taste_readers: int = Field(default=30, ge=2)  # on a day, with fewer nobody can say
    taste_lost: float = Field(default=0.4, gt=0, lt=1)  # of the usual preference
    least_distance: float = Field(default=0.1, gt=0)  # Jensen-Shannon, or standard deviations
    mix_days: int = Field(default=5, ge=2)  # with fewer nobody knows how far usual days lie apart
    above_usual: float = Field(default=2.0, ge=1)  # times the largest distance of a usual day


class MonitoringParams(_Frozen):
    """What `newsrec check` and `newsrec monitor` call wrong."""

    checks: CheckParams = CheckParams()
    drift: DriftParams = DriftParams()
    history_days: int = Field(default=60, ge=8)  # days of slates and their outcomes that are kept
    reference_days: int = Field(default=7, ge=1)  # whose mean dwell is expected
    least_days: int = Field(default=3, ge=1)  # with fewer nothing is expected
    least_readers: int = Field(default=30, ge=2)  # of a version on a day, to evaluate it
    dwell_tolerance: float = Field(default=0.1, ge=0, lt=1)  # below the expectation
    max_slate_age_hours: float = Field(default=30.0, gt=0)
    least_coverage: float = Field(default=0.95, ge=0, le=1)  # known readers with a slate
    shorter: float = Field(default=0.1, ge=0, le=1)  # slates with fewer articles than the depth
    new_reads: float = Field(default=0.5, gt=0)  # since the last training, of what it knew


class VariantParams(_Frozen):
    """When a variant is so bad that its readers go back to the champion by themselves."""

    least_readers: int = Field(default=200, ge=2)  # of the variant, over its days, to evaluate it
    margin: float = Field(default=0.1, ge=0, lt=1)  # of the champion's dwell, that it may lack
    days: int = Field(default=7, ge=1)  # the last ones, which are evaluated together


class PromotionParams(_Frozen):
    """What the gate asks of a model before it serves. Shares are of what the champion has."""

    # nDCG that the same training configuration may lose
    margin: float = Field(default=0.02, ge=0, lt=1)
    coverage_loss: float = Field(default=0.3, ge=0, le=1)  # of the articles in any slate
    cold_loss: float = Field(default=0.1, ge=0, le=1)  # nDCG of readers with few reads
    region_loss: float = Field(default=0.1, ge=0, le=1)  # nDCG of the readers of any region
    max_megabytes: float = Field(default=4096.0, gt=0)  # of the artefact
    max_seconds: float = Field(default=20.0, gt=0)  # of one core, for the slates of 1,000 readers
    not_finite: int = Field(default=0, ge=0)  # scores that are no numbers


class Params(_Frozen):
    """Everything that changes a result: the whole of params.yaml."""

    model: str = "news"  # the kind that is trained; see models/kinds
    # Of other kinds, by their names; each kind checks its own section.
    kinds: dict[str, dict[str, Any]] = Field(default_factory=dict)
    world: WorldParams
    etl: EtlParams
    features: FeatureParams
    popularity: PopularityParams
    als: AlsParams
    content: ContentParams
    coread: CoReadParams = CoReadParams()
    candidates: CandidateParams = CandidateParams()
    ranker: RankerParams
    training: TrainingParams
    slate: SlateParams
    backtest: BacktestParams = BacktestParams()
    monitoring: MonitoringParams = MonitoringParams()
    variants: VariantParams = VariantParams()
    promotion: PromotionParams = PromotionParams()

    def of_kind(self, name: str, section: type[Section]) -> Section:
        """What `kinds` says of a kind of model.

        Args:
            name: of the kind.
            section: what may stand there, with its defaults.

        Raises:
            ConfigError: naming the first wrong entry.
        """
        try:
            return section.model_validate(self.kinds.get(name, {}))
        except ValidationError as e:
            first = e.errors()[0]
            where = ".".join(str(p) for p in ("kinds", name, *first["loc"]))
            raise ConfigError(f"{where}: {first['msg']}") from e

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
