"""The events of a day on the front page: who came, what they saw and what they read."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.articles import Articles, living_articles
from newsrec_pipelines.datasets.world.behaviour import Views, reactions
from newsrec_pipelines.datasets.world.frontpage import front_pages
from newsrec_pipelines.datasets.world.readers import Readers, readers_on
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.tables import impressions_table, reads_table
from newsrec_pipelines.datasets.world.visits import Visits, visits_of
from newsrec_pipelines.parameters import WorldParams


@dataclass(frozen=True)
class Traffic:
    """One stream of visits to the front page, with everything that belongs to it."""

    readers: Readers
    articles: Articles
    visits: Visits
    slates: NDArray[np.int32]
    views: Views

    @classmethod
    def of(cls, params: WorldParams, day: date, name: str, front_page_share: float = 1.0) -> Self:
        """Play the visits of a stream whose share lies below `front_page_share`."""
        readers = readers_on(params, day)
        articles = living_articles(params, day)
        visits = visits_of(params, readers, day, name)
        visits = visits.select(visits.share < front_page_share)
        slates = front_pages(params.seed, readers, articles, visits)
        # In the world's first hours there may be nothing to show yet.
        some = slates[:, 0] >= 0
        visits, slates = visits.select(some), slates[some]
        rng = stream(params.seed, f"reactions {name}", day)
        views = reactions(rng, readers, articles, visits, slates, params)
        return cls(readers, articles, visits, slates, views)

    def table(self, entity: str) -> pa.Table:
        """The ``impressions`` or the ``reads``."""
        ids = pa.array(self.articles.ids(), pa.string())
        if entity == "impressions":
            return impressions_table(self.readers, ids, self.visits, self.slates)
        return reads_table(self.readers, ids, self.visits, self.views)

    def arriving(self, delay_days: int) -> Self:
        """Only the visits that arrive so many days late."""
        chosen = self.visits.delay_days == delay_days
        position = np.cumsum(chosen) - 1
        kept = self.views.select(chosen[self.views.visit])
        views = replace(kept, visit=position[kept.visit])
        return type(self)(
            self.readers, self.articles, self.visits.select(chosen), self.slates[chosen], views
        )
