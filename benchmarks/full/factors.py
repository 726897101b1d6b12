"""From Parquet to ALS factors, beside implicit's bare fit on the same matrix, in one process."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import polars as pl
from benchmarks.full.measure import Steps, peak_gib
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from newsrec_pipelines.features.examples import available_reads
from newsrec_pipelines.features.types import TrainingData
from newsrec_pipelines.models.als import Als
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store


def factors(store: Store, as_of: datetime, params: Params) -> dict[str, Any]:
    """Time both, the bare fit before and after ours: the machine may be busier at one time."""
    steps = Steps()
    with captured() as fitted:
        with steps.step("read Parquet"):
            reads = available_reads(store, as_of, params)
        with steps.step("matrix and factors"):
            Als.fit(_data(reads, as_of), params)
    [matrix] = fitted
    rows = reads.height
    del reads
    for _ in range(2):
        with steps.step("implicit, bare"):
            _bare(matrix, params)
    ours = steps.seconds["read Parquet"] + steps.seconds["matrix and factors"]
    bare = steps.seconds["implicit, bare"] / 2
    return {
        "reads": rows,
        "readers": matrix.shape[0],
        "articles": matrix.shape[1],
        "seconds": {"ours": ours, **steps.seconds, "implicit, bare": bare},
        "ratio": ours / bare,
        "peak_gib": peak_gib(),
    }


def _data(reads: pl.DataFrame, as_of: datetime) -> TrainingData:
    nothing = pl.DataFrame()
    return TrainingData(as_of, nothing, nothing, reads, nothing, False, "")


@contextmanager
def captured() -> Iterator[list[csr_matrix]]:
    """The matrices that implicit is asked to factorise inside the block."""
    matrices: list[csr_matrix] = []
    fit = AlternatingLeastSquares.fit

    def keeping(self: AlternatingLeastSquares, matrix: csr_matrix, **options: Any) -> None:
        matrices.append(matrix)
        fit(self, matrix, **options)

    AlternatingLeastSquares.fit = keeping
    try:
        yield matrices
    finally:
        AlternatingLeastSquares.fit = fit


def _bare(matrix: csr_matrix, params: Params) -> None:
    model = AlternatingLeastSquares(
        factors=params.als.embedding_size,
        regularization=params.als.reg,
        iterations=params.als.epochs,
        random_state=params.training.seed,
    )
    with threadpool_limits(1, "blas"):
        model.fit(matrix, show_progress=False)
