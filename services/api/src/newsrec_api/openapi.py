"""The OpenAPI document: contracts/openapi.yaml, which is linked into the package."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import yaml

_METHODS = ("get", "post", "put", "delete")


def load() -> dict[str, Any]:
    """The document, as it is in the repository and in the wheel."""
    text = files("newsrec_api").joinpath("openapi.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every operation with its references resolved one level, in the order of the document."""
    return list(_operations(document))


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        shared = methods.get("parameters", [])
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                yield {
                    **operation,
                    "path": path,
                    "method": method.upper(),
                    "parameters": [
                        _resolved(document, p) for p in (*shared, *operation.get("parameters", []))
                    ],
                    "responses": {
                        status: _resolved(document, response)
                        for status, response in operation["responses"].items()
                    },
                }


def _resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = document
    for key in part["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return {**found, "ref": part["$ref"].rsplit("/", 1)[1]}
