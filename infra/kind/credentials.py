"""Makes the Secrets of the cluster, once; the cluster alone keeps them."""

import base64
import re
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from infra.kind.errors import ClusterError

_TEMPLATES = Path(__file__).with_name("secrets.yaml")
_LETTERS = string.ascii_letters + string.digits
_PLACE = re.compile(r"\{([a-z-]+/[A-Za-z_.]+|random|fernet)\}")

Values = dict[str, dict[str, str]]


def templates() -> Values:
    """Name -> key -> how it is made."""
    found: Values = yaml.safe_load(_TEMPLATES.read_text(encoding="utf-8"))
    return found


def made(known: Values) -> Values:
    """All Secrets. What is made by chance is kept where `known` has it; the rest follows from it.

    So a start that was interrupted half-way fits together afterwards, and a value that nobody knows
    but the database stays what it is.
    """
    values: Values = {}
    for name, keys in templates().items():
        had = known.get(name, {})
        values[name] = {}
        for key, template in keys.items():
            if template in ("{random}", "{fernet}"):
                values[name][key] = had.get(key) or _new(template)
            else:
                values[name][key] = (
                    _PLACE.sub(lambda m: _held(values, m[1]), template)
                    .replace("{{", "{")
                    .replace("}}", "}")
                )
    return values


def _held(values: Values, place: str) -> str:
    name, _, key = place.partition("/")
    return values[name][key]


def _new(template: str) -> str:
    if template == "{fernet}":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return "".join(secrets.choice(_LETTERS) for _ in range(32))


def of_cluster(objects: list[dict[str, Any]]) -> Values:
    """What the Secrets hold that the cluster tells.

    Raises:
        ClusterError: when one is not what Kubernetes keeps.
    """
    found: Values = {}
    for o in objects:
        name = o["metadata"]["name"]
        try:
            found[name] = {
                key: base64.b64decode(value).decode()
                for key, value in (o.get("data") or {}).items()
            }
        except ValueError as e:
            raise ClusterError(f"Secret {name} holds no text") from e
    return found


def manifests(values: Mapping[str, Mapping[str, str]], namespace: str) -> dict[str, Any]:
    """One List of all Secrets, to apply by stdin: no secret lies on a disk or a command line."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "type": "Opaque",
            "stringData": dict(keys),
        }
        for name, keys in values.items()
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}
