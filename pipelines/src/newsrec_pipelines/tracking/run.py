"""A run that is tracked: a stage says what it found, and the record is kept when it ends."""

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from newsrec_pipelines.parameters import Params
from newsrec_pipelines.resources import Meter
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking import sending
from newsrec_pipelines.tracking.record import Record, file_key, flattened, new_id


class Run:
    """What a stage says about itself while it runs. Nothing is written before it ends.

    Attributes:
        name: of the run, for people; a stage may find a better one on its way.
        data_hash: of what it read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.data_hash: str | None = None
        self._tags: dict[str, str] = {}
        self._params: dict[str, str] = {}
        self._metrics: dict[str, float] = {}
        self._figures: dict[str, bytes] = {}
        self._keys: dict[str, str] = {}

    def tags(self, **tags: object) -> None:
        """Texts to search by; None is left out."""
        self._tags |= {name: str(value) for name, value in tags.items() if value is not None}

    def params(self, params: Params) -> None:
        """Everything that changes a result, by its dotted name."""
        self._params |= flattened(params.model_dump(mode="json"))

    def metrics(self, metrics: Mapping[str, float | None], prefix: str = "") -> None:
        """Numbers by name. None is not available and left out.

        What is not a finite number is left out and named in the tag ``not_finite``.
        """
        for name, value in metrics.items():
            if value is None:
                continue
            if math.isfinite(value):
                self._metrics[prefix + name] = float(value)
            else:
                said = self._tags.get("not_finite", "")
                self._tags["not_finite"] = f"{said} {prefix + name}".strip()

    def figure(self, name: str, content: bytes) -> None:
        """A plot, or another small file, such as ``importance.svg``."""
        self._figures[name] = content

    def report(self, key: str) -> None:
        """A file that the stage has written to the store."""
        self._keys[key.rsplit("/", 1)[-1]] = key

    def _keep(
        self,
        store: Store,
        settings: Settings,
        stage: str,
        began: datetime,
        meter: Meter,
        error: BaseException | None,
    ) -> None:
        record_id = new_id(stage, began)
        files = dict(self._keys)
        for name, content in self._figures.items():
            files[name] = file_key(record_id, name)
            store.write_bytes(files[name], content)
        Record(
            id=record_id,
            stage=stage,
            name=self.name,
            status="failed" if error else "finished",
            error=_one_line(error) if error else None,
            began=began,
            ended=datetime.now(UTC),
            git_commit=settings.git_commit,
            data_hash=self.data_hash,
            tags=self._tags,
            params=self._params,
            metrics=self._metrics,
            resources=meter.read(),
            files=files,
        ).save(store)


@contextmanager
def tracked(settings: Settings, stage: str, params: Params | None = None) -> Iterator[Run]:
    """Track one run of `stage`, whether it succeeds or fails.

    The record is written to the store, and then handed to the trackers of TRACKERS. Nothing that
    happens to either fails the stage, and it waits for trackers no longer than TRACKING_WAIT says.

    Args:
        settings: where the store and the trackers are.
        stage: such as ``train``; its runs are shown together.
        params: everything that changes a result.
    """
    began, meter = datetime.now(UTC), Meter()
    run = Run(f"{stage} {began:%Y-%m-%d %H:%M:%S}")
    if params is not None:
        run.params(params)
    failed: BaseException | None = None
    try:
        yield run
    except BaseException as e:
        failed = e
        raise
    finally:
        try:
            run._keep(Store(settings.store_url), settings, stage, began, meter, failed)
        except Exception as e:  # a full disk, a store without rights: the stage has done its work
            print(f"newsrec: this run is not recorded: {_one_line(e)}", file=sys.stderr)
        else:
            sending.hand_over(settings)


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
