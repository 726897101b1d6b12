"""Makes the raw feature rows that the counters of the ETL would hold, out of the drawn reads."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from benchmarks.full.records import Ids, moment
from benchmarks.full.world import DAY, Ints, Reads, World
from numpy.typing import NDArray

from newsrec_pipelines.features.raw import FEATURES, MEASURES, schema
from newsrec_pipelines.parameters import Params

_HOUR: Final = DAY // 24


class FeatureRowsOf:
    """Rows of each view at a moment, from the reads of the days before it.

    What a reader read is counted over all days, and what an article got over the last 30. Stamps
    of articles lie on whole hours, where the rings of every resolution end together.
    """

    def __init__(self, world: World, ids: Ids, reads: Sequence[Reads], params: Params) -> None:
        self._world = world
        self._ids = ids
        self._reads = reads
        self._params = params.features

    def at(self, view: str, day: int) -> pl.DataFrame:
        """The last row of each key of a view at the end of a day: a snapshot."""
        end = (day + 1) * DAY
        make = {
            "article": lambda: self._articles(end, "article"),
            "article_day": lambda: self._articles(end, "article_day"),
            "user": lambda: self._users(end),
            "user_category": lambda: self._affinity(end, "category"),
            "user_publisher": lambda: self._affinity(end, "publisher"),
        }
        return make[view]()

    def within(self, day: int) -> pl.DataFrame:
        """Rows of the article view stamped on a day: one an article, at some hour of that day."""
        rng = np.random.default_rng([self._world.size.seed, 6, day])
        alive = self._active((day + 1) * DAY, 1)
        stamp = day * DAY + rng.integers(1, 24, len(alive)) * _HOUR
        return self._ringed(alive, stamp, "article")

    def exposures(self, day: int) -> pl.DataFrame:
        """Rows of what readers saw on a day: one a reader and article, with all that came before.

        Lists show articles of their day and of the day before, so two days are all.
        """
        articles = len(self._world.articles.language)
        parts = []
        for reads in self._days((day + 1) * DAY, 2):
            shown = np.hstack([reads.article[:, None], reads.beside])
            key = np.repeat(reads.reader, shown.shape[1]) * articles + shown.ravel()
            opened = np.zeros(shown.shape, np.int32)
            opened[:, 0] = 1
            at = reads.at.repeat(shown.shape[1])
            frame = pl.DataFrame({"key": key, "opened": opened.ravel(), "at": at})
            parts.append(frame.filter(pl.Series(shown.ravel() >= 0)))
        seen = (
            pl.concat(parts)
            .group_by("key")
            .agg(shown=pl.len(), opened=pl.col("opened").sum(), at=pl.col("at").max())
            .filter(pl.col("at") >= day * DAY)
            .sort("key")
        )
        reader, article = np.divmod(seen["key"].to_numpy(), articles)
        at = seen["at"].to_numpy()
        columns = {
            "exposures_total": seen["shown"],
            "opens_total": seen["opened"],
            "last_seen_at": moment(self._world, at),
        }
        keys = {
            "user_id": self._ids.readers.gather(reader),
            "article_id": self._ids.articles.gather(article),
        }
        # Known from the moment after.
        return self._frame("exposure_history", keys, at + 1, columns)

    def _days(self, end: int, days: int) -> list[Reads]:
        last = end // DAY
        return list(self._reads[max(last - days, 0) : last])

    def _active(self, end: int, days: int) -> Ints:
        """Rows of the articles that were read or shown in the last days."""
        was = np.zeros(len(self._world.articles.language), bool)
        for reads in self._days(end, days):
            was[reads.article] = True
            was[reads.beside[reads.beside >= 0]] = True
        return np.flatnonzero(was)

    def _articles(self, end: int, view: str) -> pl.DataFrame:
        active = self._active(end, self._params.article_state_days)
        # Of those that were active some days ago the stamp is older, and so it is in the rings.
        old = (end - DAY - self._world.articles.published[active]) // DAY - 1
        return self._ringed(active, end - old.clip(0) * DAY, view)

    def _ringed(self, rows: Ints, stamp: Ints, view: str) -> pl.DataFrame:
        """Rows of articles with the rings that ended at their stamps."""
        place = np.full(len(self._world.articles.language), -1)
        place[rows] = np.arange(len(rows))
        rings = {
            "fine": (self._params.fine_bucket_minutes * 60_000_000, self._params.fine_buckets),
            "coarse": (
                self._params.coarse_bucket_minutes * 60_000_000,
                self._params.coarse_buckets,
            ),
            "days": (DAY, self._params.days),
        }
        wanted = {n: r for n, r in rings.items() if f"clicks_{n}" in FEATURES[view]}
        sums = {
            f"{measure}_{name}": np.zeros((len(rows), length), np.float32)
            for measure in MEASURES
            for name, (_, length) in wanted.items()
        }
        totals = {measure: np.zeros(len(rows)) for measure in MEASURES}
        for reads in self._days(int(stamp.max()), self._params.days):
            for measure, (article, at, value) in _activity(reads).items():
                row = place[article]
                known = row >= 0
                row, at, value = row[known], at[known], value[known]
                age = stamp[row] - 1 - at
                for name, (width, length) in wanted.items():
                    inside = (age >= 0) & (age < width * length)
                    column = length - 1 - age[inside] // width
                    np.add.at(sums[f"{measure}_{name}"], (row[inside], column), value[inside])
                totals[measure] += np.bincount(row[age >= 0], value[age >= 0], len(rows))
        columns: dict[str, pl.Series] = {
            name: pl.Series(values).cast(schema(view)[name]) for name, values in sums.items()
        }
        columns |= {f"{m}_total": pl.Series(v) for m, v in totals.items()}
        return self._frame(view, {"article_id": self._ids.articles.gather(rows)}, stamp, columns)

    def _users(self, end: int) -> pl.DataFrame:
        n = self._world.size.readers
        reads = self._all(end)
        left = self._left(end, reads.at)
        dwell = np.nan_to_num(reads.dwell)
        last = np.zeros(n, np.int64)
        np.maximum.at(last, reads.reader, reads.at)
        who = np.flatnonzero(last > 0)
        columns = {
            "reads_total": np.bincount(reads.reader, minlength=n)[who],
            "dwell_total": np.bincount(reads.reader, dwell, n)[who],
            "reads_decayed": np.bincount(reads.reader, left, n)[who],
            "dwell_decayed": np.bincount(reads.reader, left * dwell, n)[who],
            "last_read_at": moment(self._world, last[who]),
        }
        keys = {"user_id": self._ids.readers.gather(who)}
        return self._frame("user", keys, np.full(len(who), end), columns)

    def _affinity(self, end: int, column: str) -> pl.DataFrame:
        of_category = column == "category"
        names = self._ids.categories if of_category else self._ids.publishers
        codes = self._world.articles.category if of_category else self._world.articles.publisher
        reads = self._all(end)
        left = self._left(end, reads.at)
        key, place = np.unique(
            reads.reader * len(names) + codes[reads.article], return_inverse=True
        )
        reader, code = np.divmod(key, len(names))
        columns = {
            "reads_decayed": np.bincount(place, left, len(key)),
            "dwell_decayed": np.bincount(place, left * np.nan_to_num(reads.dwell), len(key)),
        }
        keys = {"user_id": self._ids.readers.gather(reader), column: names.gather(code)}
        return self._frame(f"user_{column}", keys, np.full(len(key), end), columns)

    def _all(self, end: int) -> Reads:
        """The reads of all days before a moment, without what was shown beside them."""
        days = self._reads[: end // DAY]
        none = np.zeros((0, 0), np.int64)
        return Reads(*(np.concatenate([d[k] for d in days]) for k in range(4)), beside=none)

    def _left(self, end: int, at: Ints) -> NDArray[np.float64]:
        return np.asarray(0.5 ** ((end - at) / DAY / self._params.user_half_life_days))

    def _frame(
        self, view: str, keys: dict[str, pl.Series], stamp: Ints, columns: dict[str, object]
    ) -> pl.DataFrame:
        stamped = moment(self._world, stamp)
        types = schema(view)
        frame = pl.DataFrame({**keys, "event_timestamp": stamped, "stamped_at": stamped, **columns})
        return frame.select(types.names()).cast(dict(types))  # in order: rows rise as ids do


def _activity(reads: Reads) -> dict[str, tuple[Ints, Ints, NDArray[np.float64]]]:
    """Article, moment and value of what happened, by measure."""
    one = np.ones(len(reads.article))
    known = ~np.isnan(reads.dwell)
    beside = reads.beside.ravel()
    shown = np.concatenate([reads.article, beside[beside >= 0]])
    shown_at = np.concatenate([reads.at, reads.at.repeat(reads.beside.shape[1])[beside >= 0]])
    return {
        "clicks": (reads.article, reads.at, one),
        "exposures": (shown, shown_at, np.ones(len(shown))),
        "dwell": (reads.article[known], reads.at[known], reads.dwell[known].astype(np.float64)),
        "reads": (reads.article[known], reads.at[known], one[known]),
    }
