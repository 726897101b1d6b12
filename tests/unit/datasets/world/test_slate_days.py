"""A table of slates is played as the API's slates are: landed whole, and worth what is true."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.datasets.world.articles import articles_of
from newsrec_pipelines.datasets.world.days import write_day
from newsrec_pipelines.datasets.world.readers import readers_on
from newsrec_pipelines.datasets.world.slate_days import VISIT_SCHEMA, play_slates, worth
from newsrec_pipelines.datasets.world.slate_visits import slate_visits
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import IMPRESSIONS, READS
from newsrec_pipelines.store import Store

DAY = date(2026, 3, 3)


def slates(params: WorldParams, chosen: list[int], places: int = 10) -> pl.DataFrame:
    """The latest articles in her language for each of these readers."""
    readers, articles = readers_on(params, DAY), articles_of(params, date(2026, 3, 2))
    ids = np.array(articles.ids())
    rows = []
    for i in chosen:
        ours = ids[articles.language == readers.language[i]][-places:].tolist()
        chances = np.linspace(1.0, 0.1, len(ours)).tolist()
        rows.append((readers.id(i), f"run:{i}", ours, chances))
    return pl.DataFrame(
        rows,
        {
            "user_id": pl.String,
            "slate_id": pl.String,
            "article_ids": pl.List(pl.String),
            "propensities": pl.List(pl.Float32),
        },
        orient="row",
    )


def landed(store: Store, entity: str) -> pl.DataFrame:
    path = store.path(f"landing/{entity}/dt={DAY}/slates.parquet")
    return pl.read_parquet(path, hive_partitioning=False)


def test_every_visit_of_a_reader_with_a_slate_lands_with_it(
    store: Store, params: WorldParams
) -> None:
    write_day(store, params, DAY, 0.3)
    table = slates(params, list(range(0, 400, 2)), places=6)

    visits = play_slates(store, params, DAY, table)

    assert visits.schema == VISIT_SCHEMA
    came = slate_visits(params, DAY, 0.3)
    assert visits.height == (came.reader % 2 == 0).sum() > 50
    shown = landed(store, "impressions")
    assert shown.schema == pl.DataFrame(IMPRESSIONS.schema.empty_table()).schema
    assert shown["user_id"].to_list() == visits["user_id"].to_list()
    joined = shown.join(table, on="user_id")
    for name in ("slate_id", "article_ids", "propensities"):
        assert joined[name].to_list() == joined[f"{name}_right"].to_list()
    reads = landed(store, "reads")
    assert reads.schema == pl.DataFrame(READS.schema.empty_table()).schema
    clicks = reads.filter(kind="click")
    assert clicks.height == visits["clicks"].sum() > 0
    assert set(reads["impression_id"]) <= set(shown["impression_id"])
    dwell = reads["dwell_seconds"].sum()
    assert visits["dwell_seconds"].sum() == pytest.approx(dwell, rel=1e-5)


def test_front_page_and_slates_share_the_visits_and_no_opened_article(
    store: Store, params: WorldParams
) -> None:
    write_day(store, params, DAY, 0.5)
    popular = pl.read_parquet(store.path(f"landing/reads/dt={DAY}/world.parquet"))
    most = popular.filter(pl.col("kind") == "click", ~pl.col("view_id").str.contains("r-v"))
    ids = most["article_id"].value_counts(sort=True)["article_id"].to_list()[:12]
    table = slates(params, list(range(400))).with_columns(
        article_ids=pl.lit(ids, pl.List(pl.String)),
        propensities=pl.lit([1.0] * len(ids), pl.List(pl.Float32)),
    )

    play_slates(store, params, DAY, table)

    shown = pl.read_parquet(store.path(f"landing/impressions/dt={DAY}/world.parquet"))
    main = shown.filter(~pl.col("impression_id").str.contains("r-i"))["impression_id"]
    assert not set(main) & set(landed(store, "impressions")["impression_id"])
    ours = landed(store, "reads").filter(kind="click")
    assert ours.height > 0
    pair = ["user_id", "article_id"]
    assert ours.join(most, on=pair, how="semi").is_empty()
    assert ours.select(pair).is_unique().all()


def test_dwell_comes_as_it_was_to_be_expected(tmp_path: Path, params: WorldParams) -> None:
    many = params.model_copy(update={"readers": 8000, "visits_per_day": 4.0})
    store = Store((tmp_path / "store").as_uri())
    write_day(store, many, DAY, 0.4)

    visits = play_slates(store, many, DAY, slates(many, list(range(8000))))

    # 8 % of the views report no dwell, and some are cut off by the end of the day.
    ratio = visits["dwell_seconds"].sum() / visits["expected_seconds"].sum()
    assert 0.85 < ratio < 0.97


def test_slates_are_worth_what_they_are_worth_when_they_are_played(
    store: Store, params: WorldParams
) -> None:
    write_day(store, params, DAY, 0.0)
    table = slates(params, list(range(0, 400, 3)))

    asked = worth(params, DAY, table.select("user_id", "article_ids"))

    played = play_slates(store, params, DAY, table)
    assert asked.equals(played.select("user_id", "expected_seconds"))
    assert asked["expected_seconds"].sum() > 0


def test_a_day_must_be_simulated_first(store: Store, params: WorldParams) -> None:
    with pytest.raises(DataError, match="2026-03-03 was not simulated"):
        play_slates(store, params, DAY, slates(params, [1]))
