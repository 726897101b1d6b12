"""Read a parameter file, and the one that it extends."""

from pathlib import Path
from typing import Any

import yaml

from newsrec_pipelines.errors import ConfigError


def read_parameters(path: Path) -> Any:
    """What a file says, or the file that it `extends` with its changes.

    Raises:
        ConfigError: naming the file that cannot be read.
    """
    content = _read_yaml(path)
    if isinstance(content, dict) and isinstance(base := content.pop("extends", None), str):
        return _changed(_read_yaml(path.parent / base), content)
    return content


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"cannot read {path}: {e.strerror}") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(e).split())}") from e


def _changed(base: Any, changes: Any) -> Any:
    """`base` with the entries of `changes` in place of its own, section by section."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return base | {key: _changed(base.get(key), value) for key, value in changes.items()}
