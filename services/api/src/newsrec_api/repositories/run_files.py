"""What scoring keeps of its runs: Parquet, LightGBM's text and a manifest; see contracts/runs.

Only `evidence` imports this module: the image of the API leaves its libraries out.
"""

import hashlib
import math
from datetime import date, datetime
from typing import Any, Final

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs
from pydantic import BaseModel, ValidationError

from newsrec_api.errors import DamagedError, GoneError, NotFoundError, UnavailableError
from newsrec_api.values import Contribution, Kept

_FORMAT: Final = 2
_PLACE: Final = ("publisher", "place", "step", "propensity", "score", "sources")
# Contributions sum up to the score that the slate was made with, or something was exchanged.
_TOLERANCE: Final = 1e-6


class PlacedFile(BaseModel):
    """One Parquet file: places of the readers from `first_user` to `last_user`."""

    name: str
    first_user: str
    last_user: str


class Ranker(BaseModel):
    """How scores were made; contracts/runs/manifest.schema.json says what the fields mean."""

    columns: list[str]
    used: list[str]
    trees: str | None
    summed: list[str]


class Reliability(BaseModel):
    """How far publishers were trusted, and all others."""

    publishers: dict[str, float]
    unrated: float


class Manifest(BaseModel):
    """The fields of the manifest that explanations need."""

    format: int
    run_id: str
    variant: str
    as_of: datetime
    model_version: str
    data_hash: str
    ranker: Ranker
    reliability: Reliability
    files: list[PlacedFile]


class RunFiles:
    """Reads the files of runs below the store's URL."""

    def __init__(self, store_url: str) -> None:
        self._fs, self._root = _file_system(store_url)
        self._booster: tuple[str, lightgbm.Booster] | None = None

    def kept(self, day: date, run_id: str, variant: str, user_id: str, article_id: str) -> Kept:
        """What led to one place.

        Raises:
            GoneError: when nothing is kept of the run's slates of the variant.
            NotFoundError: when the kind of its model does not tell how scores come about.
            DamagedError: when what is kept does not give the score of the slate.
            UnavailableError: when the store does not answer.
        """
        folder = f"{self._root}/runs/{day}/{run_id}/{variant}"
        try:
            manifest = self._manifest(folder, run_id, variant)
            if not manifest.ranker.columns:
                raise NotFoundError("a model of this kind does not tell how its scores come about")
            row = self._row(folder, manifest, user_id, article_id)
            base, shares = self._shares(folder, manifest.ranker, row)
        except FileNotFoundError as e:
            raise DamagedError("files of this run are missing") from e
        except (pa.ArrowInvalid, ValidationError, lightgbm.basic.LightGBMError) as e:
            raise DamagedError("the files of this run cannot be read") from e
        except OSError as e:
            raise UnavailableError("the store cannot be read") from e
        total = base + math.fsum(shares.values())
        if not math.isclose(total, row["score"], rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
            raise DamagedError("the files of this run give another score than the slate has")
        rated = manifest.reliability.publishers
        parts = [Contribution(name, _finite(row[name]), share) for name, share in shares.items()]
        return Kept(
            as_of=manifest.as_of,
            model_version=manifest.model_version,
            data_hash=manifest.data_hash,
            publisher=row["publisher"],
            reliability=rated.get(row["publisher"], manifest.reliability.unrated),
            rated=row["publisher"] in rated,
            sources=row["sources"],
            score=row["score"],
            base=base,
            contributions=sorted(parts, key=lambda p: (-abs(p.contribution), p.feature)),
            place=row["place"],
            step=row["step"],
            propensity=row["propensity"],
        )

    def _manifest(self, folder: str, run_id: str, variant: str) -> Manifest:
        try:
            content = self._read(f"{folder}/manifest.json")
        except FileNotFoundError as e:
            raise GoneError("nothing is kept of this run") from e
        manifest = Manifest.model_validate_json(content)
        if manifest.format != _FORMAT or (manifest.run_id, manifest.variant) != (run_id, variant):
            raise DamagedError("the manifest of this run is of another kind, run or variant")
        return manifest

    def _row(
        self, folder: str, manifest: Manifest, user_id: str, article_id: str
    ) -> dict[str, Any]:
        for file in manifest.files:
            if not file.first_user <= user_id <= file.last_user:
                continue
            rows = pq.read_table(
                f"{folder}/{file.name}",
                columns=[*_PLACE, *manifest.ranker.columns],
                filters=[("user_id", "=", user_id), ("article_id", "=", article_id)],
                filesystem=self._fs,
                partitioning=None,
            )
            for row in rows.to_pylist():
                found: dict[str, Any] = row
                return found
        raise DamagedError("the files of this run do not tell of this place")

    def _shares(
        self, folder: str, ranker: Ranker, row: dict[str, Any]
    ) -> tuple[float, dict[str, float]]:
        """The expected score, and what each column adds to it: SHAP values of the trees."""
        if ranker.trees is None:
            return 0.0, {name: row[name] for name in ranker.summed}
        values = np.array([[row[name] for name in ranker.used]], np.float32)
        trees = self._trees(f"{folder}/trees.txt", ranker.trees)
        (shares,) = np.asarray(trees.predict(values, pred_contrib=True, num_threads=1))
        return float(shares[-1]), dict(zip(ranker.used, shares[:-1].tolist(), strict=True))

    def _trees(self, path: str, sha256: str) -> lightgbm.Booster:
        kept = self._booster  # another thread may replace it meanwhile
        if kept is None or kept[0] != sha256:
            content = self._read(path)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise DamagedError("the trees of this run are not those that were kept")
            kept = self._booster = sha256, lightgbm.Booster(model_str=content.decode())
        return kept[1]

    def _read(self, path: str) -> bytes:
        with self._fs.open_input_file(path) as file:
            content: bytes = file.read()
        return content


def _file_system(store_url: str) -> tuple[fs.FileSystem, str]:
    # fsspec, which the files were written by, takes %20 in a file's URL literally.
    if store_url.startswith("file://"):
        return fs.LocalFileSystem(), store_url.removeprefix("file://")
    found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(store_url)
    return found


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
