"""Parameters of back-tests, the gate, data checks and monitoring."""

from datetime import date

from pydantic import Field

from newsrec_pipelines.parameters.section import Section


class BacktestParams(Section):
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


class PromotionParams(Section):
    """What the gate asks of a model before it serves. Shares are of what the champion has."""

    # nDCG that the same training configuration may lose
    margin: float = Field(default=0.02, ge=0, lt=1)
    coverage_loss: float = Field(default=0.3, ge=0, le=1)  # of the articles in any slate
    cold_loss: float = Field(default=0.1, ge=0, le=1)  # nDCG of readers with few reads
    region_loss: float = Field(default=0.1, ge=0, le=1)  # nDCG of the readers of any region
    max_megabytes: float = Field(default=4096.0, gt=0)  # of the artefact
    max_seconds: float = Field(default=20.0, gt=0)  # of one core, for the slates of 1,000 readers
    not_finite: int = Field(default=0, ge=0)  # scores that are no numbers


class CheckParams(Section):
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


class DriftParams(Section):
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


class MonitoringParams(Section):
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
