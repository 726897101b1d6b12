"""Parameters of the slates that readers get, and of the variants that some of them get."""

from typing import Annotated

from pydantic import Field

from newsrec_pipelines.parameters.section import Section


class SlateParams(Section):
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


class VariantParams(Section):
    """When a variant is so bad that its readers go back to the champion by themselves."""

    least_readers: int = Field(default=200, ge=2)  # of the variant, over its days, to evaluate it
    margin: float = Field(default=0.1, ge=0, lt=1)  # of the champion's dwell, that it may lack
    days: int = Field(default=7, ge=1)  # the last ones, which are evaluated together
