"""The admin API of one node of Kong 3.9 without a database: GET and POST of its whole /config.

After kong/api/routes/config.lua and spec/02-integration/04-admin_api/15-off_spec.lua of Kong.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from support.http_fake import Asked, http_fake

UPSTREAM, STABLE, CANARY = "newsrec-api", "api:8000", "api-canary:8000"
_UPSTREAM_ID = "6d2f0a52-7a52-5f33-8f9e-6f2d0b0f2f11"


def configuration(stable: int, canary: int) -> dict[str, Any]:
    """What such a node exports: flat lists, foreign keys by id, nulls, and no `ws_id`."""

    def target(key: str, weight: int) -> dict[str, Any]:
        return {
            "id": f"{key}-id",
            "target": key,
            "weight": weight,
            "upstream": _UPSTREAM_ID,
            "tags": None,
            "created_at": 1772960000.123,
        }

    return {
        "_format_version": "3.0",
        "_transform": False,
        # Texts that YAML takes for something else when nobody quotes them.
        "consumers": [
            {"id": "c", "username": "2026-03-08 06:12:30", "custom_id": "on", "tags": None}
        ],
        "keyauth_credentials": [{"id": "k", "consumer": "c", "key": "0123"}],
        "upstreams": [{"id": _UPSTREAM_ID, "name": UPSTREAM, "slots": 10000, "tags": None}],
        "targets": [target(STABLE, stable), target(CANARY, canary)],
    }


@dataclass
class FakeKong:
    """One node. `refuses` is what it answers to a new configuration instead of taking it."""

    config: dict[str, Any] = field(default_factory=lambda: configuration(90, 10))
    posts: int = 0
    refuses: int | None = None
    exported: str | None = None

    @property
    def weights(self) -> dict[str, int]:
        """The weight of each target."""
        return {t["target"]: t["weight"] for t in self.config["targets"]}

    def answer(self, asked: Asked) -> tuple[int, Any]:
        if asked.path == "/config" and asked.method == "GET":
            text = self.exported or yaml.safe_dump(self.config, sort_keys=False)
            # lyaml leaves a moment unquoted: for it, that is a text like any other.
            return 200, {"config": text.replace("'2026-03-08 06:12:30'", "2026-03-08 06:12:30")}
        if asked.path == "/config" and asked.method == "POST":
            return self._load(asked.body)
        if asked.path.startswith("/upstreams"):
            message = "cannot create or update 'targets' entities when not using a database"
            return 405, {"code": 12, "name": "operation unsupported", "message": message}
        return 404, {"message": "Not found"}

    def _load(self, body: Any) -> tuple[int, Any]:
        if self.refuses:
            return self.refuses, {"message": "hush-hush"}
        text = body.get("config") if isinstance(body, dict) else None
        if not isinstance(text, str):
            return 400, {"message": "expected a declarative configuration"}
        config = json.loads(text)
        if config.get("_format_version") != "3.0" or config.get("_transform") is not False:
            return 400, {"code": 14, "name": "invalid declarative configuration"}
        self.config = config
        self.posts += 1
        return 201, config


@contextmanager
def fake_kong(kong: FakeKong) -> Iterator[str]:
    """Serve the node on loopback; gives its address."""
    with http_fake(kong.answer) as address:
        yield address
