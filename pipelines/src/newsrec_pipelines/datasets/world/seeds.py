"""Random streams: each part of each day has its own, so days can be made in any order."""

import zlib
from datetime import date

import numpy as np


def stream(seed: int, name: str, day: date | None = None) -> np.random.Generator:
    """The generator of one named part of the world, of one day or (without a day) of all time."""
    number = day.toordinal() if day is not None else 0
    return np.random.default_rng([seed, number, zlib.crc32(name.encode())])
