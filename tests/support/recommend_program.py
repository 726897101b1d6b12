"""A run in a process of its own, which a test can kill: `python -m support.recommend_program`."""

import sys
import time
from pathlib import Path

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.store import Store
from support.fake_model import FakeBlock, FakeModel
from support.slates import publish


class WaitingModel(FakeModel):
    """Waits at its second block of readers until a file exists."""

    def __init__(self, go: Path) -> None:
        super().__init__()
        self.go = go
        self.calls = 0

    def block(self, request: Request) -> FakeBlock:
        """As the fake model, after the wait."""
        self.calls += 1
        while self.calls > 1 and not self.go.exists():
            time.sleep(0.02)
        return super().block(request)


if __name__ == "__main__":
    publish(sys.argv[1], WaitingModel(Path(sys.argv[2])), store=Store(sys.argv[3]))
