"""The days of the experiment: history, then every day slates, visits, ETL and training."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from newsrec_pipelines.context import Context
from newsrec_pipelines.datasets.world.days import write_day
from newsrec_pipelines.datasets.world.slate_days import VISIT_SCHEMA, play_slates
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.experiment import policies
from newsrec_pipelines.experiment.groups import OURS, groups_of
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.features.types import Request

Stage = Callable[..., None]

DAY_SCHEMA = pl.Schema({"day": pl.Date(), "group": pl.String(), **VISIT_SCHEMA})


@dataclass(frozen=True)
class Experiment:
    """What is played.

    Attributes:
        ctx: settings, parameters and a store without any data.
        days: how many days follow the history of the world.
        front_page_share: share of all visits, of both groups, that see the front page: that is how
            new articles get their first readers. They do not count.
        champion: gives the model of the day; None to show our group what the other is shown (an A/A
            test), without any training.
        stage: runs one stage of the pipeline, by its name and options.
    """

    ctx: Context
    days: int
    front_page_share: float
    champion: Callable[[], policies.Model] | None
    stage: Stage

    def play(self) -> Iterator[pl.DataFrame]:
        """The visits of one day after the other, as `DAY_SCHEMA`: what each was worth.

        Raises:
            DataError: when the store holds data already: two experiments must not mix.
        """
        if self.ctx.store.keys("landing"):
            raise DataError(f"{self.ctx.store.url} holds data: the experiment needs its own store")
        world = self.ctx.params.world
        first = world.start + timedelta(days=world.history_days)
        history = [world.start + timedelta(days=n) for n in range(world.history_days)]
        for day in history:
            write_day(self.ctx.store, world, day)
        self.stage("etl", "--from", str(history[0]), "--to", str(history[-1]))
        self._train(history[-1])
        for n in range(self.days):
            day = first + timedelta(days=n)
            yield self._day(day)
            self.stage("etl", "--date", str(day))
            self._train(day)

    def _day(self, day: date) -> pl.DataFrame:
        """Slates as they are known at the day's first moment, and the visits that see them."""
        ctx = self.ctx
        request = build_request(ctx.store, datetime.combine(day, time(), UTC), ctx.params)
        groups = groups_of(request.users["user_id"], ctx.params.training.seed)
        write_day(ctx.store, ctx.params.world, day, self.front_page_share)
        slates = self.slates(request, groups, day)
        visits = play_slates(ctx.store, ctx.params.world, day, slates)
        return (
            visits.join(groups, on="user_id", how="left", maintain_order="left")
            .with_columns(day=pl.lit(day))
            .select(DAY_SCHEMA.names())
        )

    def slates(self, request: Request, groups: pl.DataFrame, day: date) -> pl.DataFrame:
        """One slate a reader: ``user_id``, ``slate_id``, ``article_ids``, ``propensities``.

        A reader for whom the model finds nothing gets what is popular, as the API answers.
        """
        popular = policies.popular(request, self.ctx.params)
        lists = popular.join(groups, on="user_id").select(*popular.columns, "group")
        if self.champion is not None:
            treated = groups.filter(pl.col("group") == OURS)
            readers = request.users.join(treated, on="user_id", how="semi")
            made = policies.ours(self.champion(), replace(request, users=readers)).with_columns(
                group=pl.lit(OURS)
            )
            lists = pl.concat([made, lists.join(made, on="user_id", how="anti")])
        slate_id = pl.format(f"{day}:{{}}:{{}}", "group", "user_id")
        return lists.with_columns(slate_id=slate_id).sort("user_id")

    def _train(self, day: date) -> None:
        if self.champion is not None:
            self.stage("train", "--date", str(day))
