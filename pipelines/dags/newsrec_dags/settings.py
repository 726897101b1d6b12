"""Where the stages run, by environment variables; read when the DAGs are loaded."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

_REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Settings:
    """How a task becomes a program. `{component}` stands for pipelines or mailer.

    Attributes:
        tasks: ``process``, beside Airflow, or ``pod``, in Kubernetes.
        programs: Folder of `newsrec` and `newsrec-mailer`.
        folder: Where they start, beside params.yaml.
        retries: In place of every task's own, or None.
        digests: Regions and the time zones of their mornings.
        namespace, image, name: Of pods; `name` is that of the service account, the ConfigMap and
            the Secret.
        sizes: Requests and limits of pods that replace the built-in ones, by size.
    """

    tasks: str
    programs: Path
    folder: Path
    retries: int | None
    digests: dict[str, str]
    namespace: str = "newsrec"
    image: str = "newsrec/{component}:dev"
    name: str = "newsrec-{component}"
    sizes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Self:
        """Read the environment. An empty variable counts as unset.

        Raises:
            ValueError: naming the variable that is wrong.
        """
        env = {name: value for name, value in os.environ.items() if value}
        tasks = env.get("NEWSREC_TASKS", "process")
        if tasks not in ("process", "pod"):
            raise ValueError(f"NEWSREC_TASKS must be process or pod, not {tasks!r}")
        retries = env.get("NEWSREC_RETRIES")
        if retries is not None and not retries.isdigit():
            raise ValueError(f"NEWSREC_RETRIES must be a whole number, not {retries!r}")
        return cls(
            tasks=tasks,
            programs=Path(env.get("NEWSREC_BIN", _REPOSITORY / ".venv" / "bin")),
            folder=Path(env.get("NEWSREC_HOME", _REPOSITORY)),
            retries=int(retries) if retries else None,
            digests=_digests(env.get("NEWSREC_DIGESTS", _DIGESTS)),
            namespace=env.get("NEWSREC_POD_NAMESPACE", cls.namespace),
            image=env.get("NEWSREC_POD_IMAGE", cls.image),
            name=env.get("NEWSREC_POD_NAME", cls.name),
            sizes=_sizes(env.get("NEWSREC_POD_SIZES", "{}")),
        )


# Readers whose region nobody knows get theirs too.
_DIGESTS = (
    "latin_america=America/Bogota africa=Africa/Lagos north_america=America/New_York unknown=UTC"
)


def _digests(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split()]
    if not pairs or not all(region and zone for region, _, zone in pairs):
        raise ValueError(f"NEWSREC_DIGESTS must be like africa=Africa/Lagos, not {text!r}")
    return {region: zone for region, _, zone in pairs}


def _sizes(text: str) -> dict[str, Any]:
    try:
        sizes = json.loads(text)
    except ValueError as e:
        raise ValueError(f"NEWSREC_POD_SIZES is not JSON: {e}") from e
    if not isinstance(sizes, dict):
        raise ValueError("NEWSREC_POD_SIZES must be an object: size -> resources")
    return sizes
