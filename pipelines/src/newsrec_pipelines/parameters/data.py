"""Parameters of the simulated world, the ETL and the features."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from newsrec_pipelines.parameters.section import Section


class DirtParams(Section):
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


class WorldParams(Section):
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


class EtlParams(Section):
    """What the ETL accepts."""

    late_days: int = Field(ge=0)
    future_tolerance_minutes: int = Field(ge=0)
    max_dwell_seconds: float = Field(gt=0)


class FeatureParams(Section):
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
