"""What the demo has done already, so that a second start goes on where the first one ended."""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from newsrec_pipelines.errors import ConfigError, NewsrecError


@dataclass
class State:
    """The names of the finished steps, and the parameters that they were done with."""

    file: Path
    params_hash: str
    done: list[str] = field(default_factory=list)

    def save(self) -> None:
        """Write the state, whole or not at all."""
        content = {k: v for k, v in asdict(self).items() if k != "file"}
        partial = self.file.with_suffix(".part")
        partial.write_text(json.dumps(content, indent=2))
        partial.replace(self.file)


@contextmanager
def demo_state(folder: Path, params_file: Path) -> Iterator[State]:
    """The state below `folder`, for one demo at a time.

    Raises:
        NewsrecError: when another demo works in the same folder.
        ConfigError: when params.yaml is not the one that the finished steps used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise NewsrecError(f"another demo runs in {folder.parent}") from e
        yield load(folder, params_file)


def load(folder: Path, params_file: Path) -> State:
    """Read the state without claiming it; a fresh one when nothing was done yet."""
    try:
        params_hash = hashlib.sha256(params_file.read_bytes()).hexdigest()
    except OSError as e:
        raise ConfigError(f"cannot read {params_file}: {e.strerror}") from e
    file = folder / "state.json"
    if not file.exists():
        return State(file, params_hash)
    try:
        state = State(file, **json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as e:
        raise ConfigError(f"{file} is not what a demo wrote: run make clean first") from e
    if state.params_hash != params_hash:
        raise ConfigError(f"{params_file} has changed since the demo began: run make clean first")
    return state
