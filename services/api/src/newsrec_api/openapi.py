"""The OpenAPI document: contracts/openapi.yaml, which is linked into the package."""

from importlib.resources import files
from typing import Any

import yaml


def load() -> dict[str, Any]:
    """The document, as it is in the repository and in the wheel."""
    text = files("newsrec_api").joinpath("openapi.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document
