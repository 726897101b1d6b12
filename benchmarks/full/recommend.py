"""Runs the real `newsrec recommend` on a generated store, and says where its time goes."""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, Final

from benchmarks.full.measure import peak_gib

from newsrec_pipelines.context import Context
from newsrec_pipelines.features.pairs import PairFeatures
from newsrec_pipelines.models import blend, news, slates
from newsrec_pipelines.models.blend import Scorers
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.models.reasons import Reasons
from newsrec_pipelines.scoring import command, run
from newsrec_pipelines.scoring.evidence import PlaceWriter
from newsrec_pipelines.scoring.publish import Writer
from newsrec_pipelines.scoring.slates import Rules

# Name of a step -> where the function is looked up that makes it. Several threads work at once, so
# their seconds are those of the threads on a core, not of the clock; polars has threads of its own.
STEPS: Final[dict[str, tuple[object, str]]] = {
    "request": (command, "build_request"),
    "bound scorers": (Scorers, "at"),
    "feature tables": (PairFeatures, "__init__"),
    "reasons' tables": (Reasons, "__init__"),
    "retrieval": (news, "retrieve"),
    "pair features": (PairFeatures, "of"),
    "list features": (blend, "list_features"),
    "ranking": (Ranker, "score"),
    "diversity": (slates.SlateRules, "construct"),
    "reasons": (Reasons, "of"),
    "slates": (slates, "as_slates"),
    "checks": (Rules, "check"),
    "evidence": (PlaceWriter, "write"),
    "copy": (Writer, "slates"),
    "similar articles": (NewsModel, "similar"),
    "popular slates": (run, "popular_slates"),
}


class Watch:
    """Seconds of the cores by step, however many threads make them."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self._lock = threading.Lock()

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose time is added to its step."""

        @functools.wraps(function)
        def timing(*args: Any, **options: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*args, **options)
            finally:
                took = time.thread_time() - began
                with self._lock:
                    self.cpu[step] = self.cpu.get(step, 0.0) + took

        return timing

    @contextmanager
    def over(self, steps: dict[str, tuple[object, str]]) -> Iterator[None]:
        """Time these functions inside the block."""
        with ExitStack() as stack:
            for step, (owner, name) in steps.items():
                function = getattr(owner, name)
                setattr(owner, name, self.timed(step, function))
                stack.callback(setattr, owner, name, function)
            yield


def recommend(ctx: Context) -> dict[str, Any]:
    """Publish slates for everybody; the seconds that passed, and those of the cores by step."""
    kept: list[run.Summary] = []
    watch = Watch()
    day = ctx.store.days("clean/reads")[-1] + timedelta(days=1)
    began, began_cpu = time.perf_counter(), time.process_time()
    with watch.over(STEPS), _keeping(kept):
        command.recommend.main(
            ["--date", f"{day}"], obj=ctx, standalone_mode=False, prog_name="recommend"
        )
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    [summary] = kept
    return {
        "readers": summary.readers,
        "without_slate": summary.without_slate,
        "places": summary.places,
        "articles": summary.candidates,
        "pairs": summary.ranked,
        "seconds": seconds,
        "cpu": cpu,
        "steps": dict(summary.seconds),
        "cpu_of_steps": watch.cpu,
        "peak_gib": peak_gib(),
    }


@contextmanager
def _keeping(kept: list[run.Summary]) -> Iterator[None]:
    """Keep the summaries that are made inside the block."""
    make = command.Summary

    def keeping(run_id: str) -> run.Summary:
        kept.append(make(run_id))
        return kept[-1]

    command.Summary = keeping  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        command.Summary = make  # type: ignore[misc]
