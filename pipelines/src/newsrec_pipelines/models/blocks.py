"""Slates in blocks of readers: what bounds the memory of every kind of model."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Final

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models import slates
from newsrec_pipelines.models.protocols import Rows
from newsrec_pipelines.parameters import SlateParams

READERS_PER_BLOCK: Final = 2000


@dataclass(frozen=True)
class Block:
    """Slates of some readers, and what led to them.

    Attributes:
        users: the readers, rows of the request's.
        slates: schema `SLATE_SCHEMA`, in their order.
        placed: one row a placed article, in the order of slates and places: ``user_id``,
            ``article_id``, ``place``, ``step``, ``propensity``, ``score``, ``sources`` (names of
            the sources that found it), and the columns of the model's ranker (float32).
        candidates: how many pairs were ranked.
    """

    users: pl.DataFrame
    slates: pl.DataFrame
    placed: pl.DataFrame
    candidates: int


def in_blocks(
    request: Request,
    prepare: Callable[[Request], Callable[[Rows], Block]],
    params: SlateParams,
    readers_per_block: int,
    threads: int,
) -> Iterator[Block]:
    """Slates of all readers of a request, in its order, among articles that are fresh enough.

    Args:
        request: what was asked.
        prepare: computes what all readers share, once, and returns what makes the block of some
            rows of readers.
        params: says how old an article may be.
        readers_per_block: bounds the memory.
        threads: that make blocks, each computing on one core.
    """
    oldest = request.as_of - timedelta(hours=params.max_age_hours)
    fresh = pl.col("published_at").is_between(oldest, request.as_of)
    request = replace(request, articles=request.articles.filter(fresh))
    rows = np.arange(request.users.height)
    parts = (rows[n : n + readers_per_block] for n in range(0, len(rows), readers_per_block))
    if request.articles.is_empty():
        for part in parts:
            users = request.users[part]
            yield Block(users, slates.empty(users), pl.DataFrame(), 0)
        return
    make = prepare(request)
    # Threads of BLAS and of LightGBM would only fight those of the blocks.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(make, part) for part in islice(parts, threads + 1)]
        while waiting:
            done = waiting.pop(0).result()
            waiting += [pool.submit(make, part) for part in islice(parts, 1)]
            yield done
