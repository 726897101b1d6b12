"""Who comes when: visits of a day in the rhythm of each reader's time zone."""

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.readers import Readers
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.taxonomy import DAY_US, HOMES, HOUR_US, day_start_us
from newsrec_pipelines.parameters import WorldParams

# Local hours of the peaks: breakfast, lunch, evening, and any time; with their spread and share.
_PEAKS = np.array([7.5, 12.6, 20.3, 12.0])
_SPREADS = np.array([1.1, 1.0, 1.7, 6.0])
_SHARES = np.array([0.30, 0.20, 0.38, 0.12])
_WEEKEND = 0.85
_NOBODY = np.empty(0, np.int64)

MAIN, REPEATED, LATE, TOO_LATE = "m", "r", "l", "t"  # streams of visits; see `visits_of`


@dataclass(frozen=True)
class Visits:
    """Visits of one day and stream, in order of time, as arrays of equal length.

    Attributes:
        day: of the visits.
        name: of the stream; with `number` it makes the ids.
        number: position within the stream, also after a selection.
        reader: numbers of the readers.
        shown_us: microseconds since 1970.
        share: uniform in [0, 1): the visits below the front page's share see the front page.
        delay_days: how many days later its events arrive (0 except in the late streams).
    """

    day: date
    name: str
    number: NDArray[np.int64]
    reader: NDArray[np.int64]
    shown_us: NDArray[np.int64]
    share: NDArray[np.float64]
    delay_days: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.number)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Some of the visits; their ids stay."""
        picked = {f.name: getattr(self, f.name)[rows] for f in fields(self)[2:]}
        return type(self)(self.day, self.name, **picked)


def visits_of(params: WorldParams, readers: Readers, day: date, name: str = MAIN) -> Visits:
    """All visits of one stream of a day.

    MAIN are nearly all. The others are few, so that another day can recall them at no cost:
    REPEATED visits are reported again the next day, LATE ones come from phones that were offline
    with the front page in memory, TOO_LATE ones arrive when nobody waits any more.
    """
    rng = stream(params.seed, f"visits {name}", day)
    weekday = _WEEKEND if day.weekday() >= 5 else 1.0
    # A day in which somebody joins is a shorter day for her.
    open_us = np.clip(day_start_us(day) + DAY_US - readers.active_us, 0, DAY_US)
    expected = readers.rate * weekday * (open_us > 0)
    share = _stream_share(params, name)
    if share == 1.0:
        reader = np.repeat(np.arange(len(readers)), rng.poisson(expected))
    else:
        total = expected.sum()
        wanted = max(1, round(share * total)) if share * total > 0 else 0
        reader = rng.choice(len(readers), wanted, p=expected / total) if wanted else _NOBODY
    shown = day_start_us(day) + _times(rng, readers.home[reader], day)
    seen = shown >= readers.active_us[reader]
    reader, shown = reader[seen], shown[seen]
    order = np.argsort(shown, kind="stable")
    return Visits(
        day=day,
        name=name,
        number=np.arange(len(order)),
        reader=reader[order],
        shown_us=shown[order],
        share=rng.random(len(order)),
        delay_days=_delays(rng, params, name, len(order)),
    )


def _stream_share(params: WorldParams, name: str) -> float:
    dirt = params.dirt
    shares = {MAIN: 1.0, REPEATED: dirt.repeated, LATE: dirt.late, TOO_LATE: dirt.too_late}
    return shares[name]


def _delays(rng: np.random.Generator, params: WorldParams, name: str, n: int) -> NDArray[np.int64]:
    if name == LATE:
        return rng.integers(1, 3, n)
    return np.full(n, params.dirt.too_late_days if name == TOO_LATE else 0, np.int64)


def _times(rng: np.random.Generator, home: NDArray[np.int8], day: date) -> NDArray[np.int64]:
    """Microseconds since the start of the UTC day; what lies beyond its ends is turned around."""
    peak = rng.choice(len(_PEAKS), len(home), p=_SHARES)
    local = rng.normal(_PEAKS[peak], _SPREADS[peak])
    noon = datetime.combine(day, time(12), UTC)
    zones = [noon.astimezone(ZoneInfo(h.timezone)).utcoffset() for h in HOMES]
    offsets = np.array([z.total_seconds() / 3600 if z else 0.0 for z in zones])
    hours = (local - offsets[home]) % 24
    # Whole milliseconds, and never the very end of the day.
    return np.minimum((hours * HOUR_US).astype(np.int64), DAY_US - 1000) // 1000 * 1000
