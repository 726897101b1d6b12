"""Kong's file against the contract of the API, and the program that puts keys into it."""

import copy
import re
import subprocess

import pytest
import yaml

from support.cluster import K8S, REPOSITORY, Object
from support.cluster_checks import kong_of

FIELDS = {
    "upstreams": {"name", "algorithm", "targets", "healthchecks"},
    "services": {
        "name", "host", "port", "protocol", "connect_timeout", "read_timeout", "write_timeout",
        "retries", "routes",
    },
    "routes": {"name", "paths", "methods", "strip_path", "plugins"},
    "plugins": {"name", "config"},
    "consumers": {"username", "keyauth_credentials"},
}  # fmt: skip
INSIDE = {"/healthz", "/readyz", "/metrics"}  # for machines of the cluster


def wrong_with(kong: Object) -> list[str]:
    """Unknown fields, and paths of the API that no route, or the wrong one, takes."""
    routes = [r for s in kong["services"] for r in s["routes"]]
    plugins = [*kong["plugins"], *(p for r in routes for p in r["plugins"])]
    parts = {**kong, "routes": routes, "plugins": plugins}
    wrong = [
        f"{what} has no field {field}"
        for what, fields in FIELDS.items()
        for entity in parts[what]
        for field in set(entity) - fields
    ]
    api = yaml.safe_load((REPOSITORY / "contracts/openapi.yaml").read_text(encoding="utf-8"))
    for path, operations in api["paths"].items():
        example = re.sub(r"\{\w+\}", "x", path)
        for method in set(operations) & {"get", "post", "put", "delete"}:
            route = _route(routes, example, method.upper())
            name = route["name"] if route else None
            if name != _expected(path):
                wrong.append(f"{method.upper()} {path} goes to {name}")
    keyed = [r["name"] for r in routes if "key-auth" in {p["name"] for p in r["plugins"]}]
    if keyed != ["keyed"]:
        wrong.append(f"routes with keys: {keyed}")
    wrong += [
        f"{r['name']} has no rate limit"
        for r in routes
        if "rate-limiting" not in {p["name"] for p in r["plugins"]}
    ]
    return wrong


def _expected(path: str) -> str | None:
    if path in INSIDE:
        return None
    if path in ("/docs", "/v1/openapi.json"):
        return "documents"
    return "links" if path.startswith(("/r/", "/u/")) else "keyed"


def _route(routes: list[Object], path: str, method: str) -> Object | None:
    # As Kong does: expressions come before prefixes, and the longest prefix first.
    found = [
        (p.startswith("~"), len(p), r)
        for r in routes
        for p in r["paths"]
        if method in r.get("methods", [method])
        and (re.match(p[1:], path) if p.startswith("~") else path.startswith(p))
    ]
    return max(found, key=lambda f: f[:2])[2] if found else None


def test_every_route_is_one_of_the_api(overlay: list[Object]) -> None:
    assert wrong_with(kong_of(overlay)) == []


@pytest.mark.parametrize("mistake", ["path", "key", "field", "limit"])
def test_a_mistake_is_caught(kind: list[Object], mistake: str) -> None:
    kong = copy.deepcopy(kong_of(kind))
    keyed = kong["services"][0]["routes"][0]
    {
        "path": lambda: keyed.update(paths=["/v2/"]),
        "key": lambda: keyed["plugins"].pop(0),
        "field": lambda: keyed.update(strip_paths=False),
        "limit": lambda: keyed["plugins"].pop(1),
    }[mistake]()
    assert wrong_with(kong)


def test_hooks_and_kong_name_the_same_canary(kind: list[Object]) -> None:
    (hooks,) = [o["data"] for o in kind if o["metadata"]["name"] == "newsrec-hooks" and "data" in o]
    (upstream,) = kong_of(kind)["upstreams"]
    assert upstream["name"] == hooks["KONG_UPSTREAM"]
    weights = {t["target"]: t["weight"] for t in upstream["targets"]}
    assert weights == {"newsrec-api-stable:8000": 100, hooks["KONG_CANARY"]: 0}


def _render(tmp_path, **env: str) -> subprocess.CompletedProcess[str]:
    folder = K8S / "base/kong"
    command = ["sh", folder / "render.sh", folder / "kong.yaml", tmp_path / "kong.yaml"]
    env = {"PATH": "/usr/bin:/bin", **env}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


KEYS = {"KEY_SITE": "s" * 20, "KEY_OPERATIONS": "o" * 20, "PUBLIC_URL": "https://news.example"}


def test_keys_are_put_in(tmp_path) -> None:
    assert _render(tmp_path, **KEYS).returncode == 0
    kong = yaml.safe_load((tmp_path / "kong.yaml").read_text(encoding="utf-8"))
    keys = [k["key"] for c in kong["consumers"] for k in c["keyauth_credentials"]]
    assert keys == [KEYS["KEY_SITE"], KEYS["KEY_OPERATIONS"]]
    (cors,) = [p["config"] for p in kong["plugins"] if p["name"] == "cors"]
    assert cors["origins"] == [KEYS["PUBLIC_URL"]]
    assert (tmp_path / "kong.yaml").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("KEY_SITE", ""), ("KEY_SITE", "short"), ("KEY_OPERATIONS", 'x"' * 10), ("PUBLIC_URL", "*")],
)
def test_a_bad_key_starts_no_gateway(tmp_path, name: str, value: str) -> None:
    done = _render(tmp_path, **{**KEYS, name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(name)
    assert not (tmp_path / "kong.yaml").exists()
