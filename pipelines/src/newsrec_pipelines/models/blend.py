"""The scorers side by side, and the columns that the ranker orders lists by."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.features.lists import list_features
from newsrec_pipelines.features.pairs import GROUPS, PAIR_FEATURES
from newsrec_pipelines.features.types import TrainingData
from newsrec_pipelines.models.als import Als
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.coread import CoRead
from newsrec_pipelines.models.fresh import Fresh
from newsrec_pipelines.models.popularity import Popularity
from newsrec_pipelines.models.protocols import BoundScorer, Scorer, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.parameters import Params

# Whose scores the ranker sees. Fresh finds candidates only: their age is a feature already.
SCORERS: Final = (Popularity.name, Als.name, Content.name, CoRead.name)
# Who finds candidates.
SOURCES: Final = (*SCORERS, Fresh.name)
# What counts beside the others of the same list, not by itself: its rank and share are columns too.
LISTED: Final = (
    "age_hours",
    "clicks_1h",
    "clicks_3h",
    "clicks_24h",
    "exposures_3h",
    "exposures_24h",
    "ctr_3h",
    "ctr_24h",
    "dwell_24h",
    *SCORERS,
)
LIST_COLUMNS: Final = (*(f"{name}_rank" for name in LISTED), *(f"{name}_share" for name in LISTED))
COLUMNS: Final = (*PAIR_FEATURES, *SCORERS, *LIST_COLUMNS)
_LISTED_ROWS: Final = [(*PAIR_FEATURES, *SCORERS).index(name) for name in LISTED]

Matrix = NDArray[np.float32]


def column_groups() -> dict[str, tuple[str, ...]]:
    """What can be switched off together: group or scorer -> its columns, with their list columns.

    The group ``list`` holds the columns of all groups that look at the rest of the list.
    """
    own = {**GROUPS, **{name: (name,) for name in SCORERS}}
    groups = {
        group: (*names, *(c for c in LIST_COLUMNS if c.rpartition("_")[0] in names))
        for group, names in own.items()
    }
    return {**groups, "list": LIST_COLUMNS}


def used_columns(off: Collection[str]) -> tuple[str, ...]:
    """The columns that are left without some groups.

    Raises:
        ConfigError: when there is no such group.
    """
    groups = column_groups()
    if unknown := sorted(set(off) - set(groups)):
        raise ConfigError(f"ranker.off: there is no {unknown[0]}; there are {', '.join(groups)}")
    gone = {column for group in off for column in groups[group]}
    return tuple(column for column in COLUMNS if column not in gone)


@dataclass(frozen=True)
class Scorers:
    """One fitted scorer of each kind."""

    popularity: Popularity
    als: Als
    content: Content
    coread: CoRead
    fresh: Fresh

    @property
    def all(self) -> tuple[Scorer, ...]:
        """In the order of `SOURCES`."""
        return (self.popularity, self.als, self.content, self.coread, self.fresh)

    @classmethod
    def fit(cls, data: TrainingData, params: Params, previous: Self | None = None) -> Self:
        """Fit each of them to the same data, from where the previous ones ended."""
        content = Content.fit(data, params)
        return cls(
            popularity=Popularity.fit(data, params),
            als=Als.fit(data, params, previous.als if previous else None, content),
            content=content,
            coread=CoRead.fit(data, params),
            fresh=Fresh.fit(data, params),
        )

    @classmethod
    def from_states(cls, states: Mapping[str, Mapping[str, Any]], params: Params) -> Self:
        """The scorers whose states were saved under their names."""
        return cls(
            popularity=Popularity.from_state(states[Popularity.name], params),
            als=Als.from_state(states[Als.name], params),
            content=Content.from_state(states[Content.name], params),
            coread=CoRead.from_state(states[CoRead.name], params),
            fresh=Fresh.from_state(states[Fresh.name], params),
        )

    def at(self, request: RequestRows) -> dict[str, BoundScorer]:
        """What each says at the moment of a request, in the order of `SOURCES`."""
        content = self.content.at(request)
        bound_scorers: dict[str, BoundScorer] = {
            Popularity.name: self.popularity.at(request),
            Als.name: self.als.at(request, content.articles),
            Content.name: content,
            CoRead.name: self.coread.at(request),
            Fresh.name: self.fresh.at(request),
        }
        return {name: bound_scorers[name] for name in SOURCES}


def columns(features: Matrix, scores: list[Vectors], starts: NDArray[np.int64]) -> Matrix:
    """Shape (pairs, `COLUMNS`).

    Args:
        features: shape (pairs, `PAIR_FEATURES`); the pairs of a list are neighbours.
        scores: shape (pairs,) each, in the order of `SCORERS`.
        starts: shape (lists + 1,), the first pair of each list, and the end.
    """
    own = np.column_stack([features, *scores]).astype(np.float32, copy=False)
    return np.hstack([own, list_features(own[:, _LISTED_ROWS], starts)])


def list_starts(keys: NDArray[Any]) -> NDArray[np.int64]:
    """Where the lists of neighbouring equal keys start, and the end; shape (lists + 1,)."""
    if not len(keys):
        return np.zeros(1, np.int64)
    changes = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    return np.concatenate([[0], changes, [len(keys)]]).astype(np.int64)
