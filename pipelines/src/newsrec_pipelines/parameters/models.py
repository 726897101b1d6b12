"""Parameters of the models: how each is fitted, and how much of the past it sees."""

from typing import Literal

from pydantic import Field

from newsrec_pipelines.parameters.section import Section


class PopularityParams(Section):
    """Popularity with exponential decay."""

    half_life_hours: float = Field(gt=0)


class AlsParams(Section):
    """Implicit-feedback ALS (Hu, Koren & Volinsky 2008) with dwell as confidence."""

    embedding_size: int = Field(gt=0)
    epochs: int = Field(gt=0)
    warm_epochs: int = Field(default=3, gt=0)  # when it starts from earlier factors
    reg: float = Field(gt=0)  # without, readers with few reads have no one solution
    alpha: float = Field(gt=0)
    content_reg: float = Field(default=10.0, gt=0)  # ridge: factors of unread articles from texts


class ContentParams(Section):
    """Vectors of title, abstract and category."""

    encoder: str = Field(default="tfidf", pattern=r"^(tfidf|sentence:.+)$")
    max_features: int = Field(gt=0)
    embedding_size: int = Field(gt=0)
    half_life_days: float = Field(gt=0)


class CoReadParams(Section):
    """Item-to-item: what readers of an article read within the same day."""

    neighbours: int = Field(default=50, gt=0)
    shrinkage: float = Field(default=5.0, ge=0)  # co-reads that a similarity is shrunk by
    half_life_days: float = Field(default=2.0, gt=0)
    recent_reads: int = Field(default=20, gt=0)  # of a reader, that vote


class CandidateParams(Section):
    """How many candidates each source gives a reader; 0 switches it off."""

    als: int = Field(default=40, ge=0)
    content: int = Field(default=30, ge=0)
    coread: int = Field(default=20, ge=0)
    popularity: int = Field(default=30, ge=0)  # trending by region
    fresh: int = Field(default=20, ge=0)  # the newest, first of chosen and then of read categories


class RankerParams(Section):
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


class TrainingParams(Section):
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
