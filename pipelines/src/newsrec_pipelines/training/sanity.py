"""A look at the slates of some readers before a new model serves all of them."""

from dataclasses import replace
from typing import Final, Protocol

import numpy as np
import polars as pl

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import Request

_READERS: Final = 200
_LEAST_WITH_SLATE: Final = 0.5


class Predictor(Protocol):
    """What is looked at."""

    def predict(self, request: Request) -> pl.DataFrame:
        """Slates, as `features.types.SLATE_SCHEMA`."""


def check_slates(model: Predictor, request: Request) -> int:
    """Refuse a model that cannot serve; returns how many readers' slates were looked at.

    It is not asked how good the slates are: that is what `newsrec evaluate` answers. A moment
    without readers or without candidates tells nothing, and refuses nothing.

    Raises:
        ModelError: when a score is not a finite number, or most readers get no article.
    """
    users = request.users.gather_every(max(1, request.users.height // _READERS)).head(_READERS)
    if users.is_empty() or request.articles.is_empty():
        return 0
    history = request.history.join(users.select("user_id"), on="user_id", how="semi")
    slates = model.predict(replace(request, users=users, history=history))
    scores = slates["scores"].explode(empty_as_null=False).to_numpy()
    if not np.isfinite(scores).all():
        raise ModelError("not promoted: the new model's scores are not finite numbers")
    served = int((slates["article_ids"].list.len() > 0).sum())
    if served < _LEAST_WITH_SLATE * users.height:
        raise ModelError(
            f"not promoted: the new model has articles for {served} of {users.height} readers only"
        )
    return users.height
