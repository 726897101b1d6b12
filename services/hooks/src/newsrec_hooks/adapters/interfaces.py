"""What the actions ask of the programs behind us.

Every method may raise `UnavailableError` (try again) or `RefusedError` (a person has to look).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from newsrec_hooks.adapters.deadline import Deadline


@dataclass(frozen=True)
class DagRun:
    """A run to start; `run_id` is the same whenever the same is asked again."""

    dag_id: str
    run_id: str
    day: date
    alert: dict[str, Any]


class DagRunner(Protocol):
    """Starts DAG runs."""

    def start(self, run: DagRun, deadline: Deadline) -> bool:
        """Start a run; False when a run of this id is there already."""
        ...


class Gateway(Protocol):
    """Splits requests between the stable and the canary version of the API's code."""

    def abort_canary(self, deadline: Deadline) -> bool:
        """Send everything to the stable version; False when that was so already."""
        ...
