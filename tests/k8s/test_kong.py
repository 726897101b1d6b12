"""Kong's file against the contract of the API, and the program that puts keys into it."""

import copy
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from lupa.luajit21 import LuaRuntime

from newsrec_api.http import MAX_BODY
from newsrec_api.repositories.pool import CONNECT_TIMEOUT_SECONDS, SILENCE_SECONDS
from support.cluster import K8S, REPOSITORY, Object, named, of_kind
from support.cluster_checks import kong_of

SCHEMA = json.loads((Path(__file__).parent / "kong.schema.json").read_text(encoding="utf-8"))
INSIDE = {"/healthz", "/readyz", "/metrics"}  # for machines of the cluster


def wrong_with(kong: Object) -> list[str]:
    """What Kong would not take, paths that the wrong route takes, and bad input that gets in."""
    wrong = [f"{e.json_path}: {e.message}" for e in Draft202012Validator(SCHEMA).iter_errors(kong)]
    if wrong:
        return wrong
    (service,) = kong["services"]
    routes = service["routes"]
    api = yaml.safe_load((REPOSITORY / "contracts/openapi.yaml").read_text(encoding="utf-8"))
    for path, operations in api["paths"].items():
        example = re.sub(r"\{\w+\}", "x", path)
        for method in set(operations) & {"get", "post", "put", "delete"}:
            route = _route(routes, example, method.upper())
            name = route["name"] if route else None
            if name != _expected(path):
                wrong.append(f"{method.upper()} {path} goes to {name}")
    for route in routes:
        plugins = {p["name"]: p["config"] for p in route.get("plugins", [])}
        if ("key-auth" in plugins) != (route["name"] == "keyed"):
            wrong.append(f"{route['name']}: who needs a key")
        if "minute" not in plugins.get("rate-limiting", {}):
            wrong.append(f"{route['name']} has no rate limit")
    everywhere = {p["name"]: p["config"] for p in kong["plugins"]}
    if not {"request-size-limiting", "correlation-id", "cors", "prometheus"} <= set(everywhere):
        wrong.append(f"for every request: {', '.join(everywhere)}")
    size = everywhere.get("request-size-limiting", {})
    if (size.get("allowed_payload_size"), size.get("size_unit")) != (MAX_BODY >> 20, "megabytes"):
        wrong.append("a body of another size than the API's")
    return wrong + _dead_pod(kong, service, set(api["paths"]))


def _dead_pod(kong: Object, service: Object, paths: set[str]) -> list[str]:
    """Whether a pod that dies, or a database that does, costs no more than it must."""
    wrong = []
    (upstream,) = [u for u in kong["upstreams"] if u["name"] == service["host"]] or [None]
    if upstream is None:
        return [f"{service['host']} is no upstream: nobody looks whether it lives"]
    active, passive = (upstream["healthchecks"][kind] for kind in ("active", "passive"))
    if active["http_path"] not in paths:
        wrong.append(f"asks {active['http_path']}, which the API has not")
    # An interval of 0 turns Kong's checks off: what fell out would never come back.
    if min(active["healthy"]["interval"], active["unhealthy"]["interval"]) <= 0:
        wrong.append("health is never asked for")
    if not active["healthy"]["successes"]:
        wrong.append("nobody comes back")
    if not (passive["unhealthy"].get("tcp_failures") and passive["unhealthy"].get("timeouts")):
        wrong.append("who does not answer is asked again and again")
    if passive["unhealthy"].get("http_failures"):
        wrong.append("a 503 of one request takes its target away from all")
    if not service.get("retries"):
        wrong.append("a request to a dead pod is lost")
    silent = (SILENCE_SECONDS + CONNECT_TIMEOUT_SECONDS) * 1000
    if service.get("read_timeout", 60_000) <= silent:
        wrong.append("Kong gives up before the API says 503")
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


MISTAKES: dict[str, Callable[[Object, Object], object]] = {
    "strip_paths": lambda kong, keyed: keyed.update(strip_paths=False),
    "minutes": lambda kong, keyed: keyed["plugins"][1]["config"].update(minutes=1),
    "'basic-auth'": lambda kong, keyed: keyed["plugins"][0].update(name="basic-auth"),
    "to None": lambda kong, keyed: keyed.update(paths=["/v2/"]),
    "who needs a key": lambda kong, keyed: keyed["plugins"].pop(0),
    "no rate limit": lambda kong, keyed: keyed["plugins"].pop(1),
    "for every request": lambda kong, keyed: kong["plugins"].pop(1),
    "another size": lambda kong, keyed: kong["plugins"][0]["config"].update(allowed_payload_size=2),
    "is no upstream": lambda kong, keyed: kong["services"][0].update(host="newsrec-api-stable"),
    "which the API has not": lambda kong, keyed: _active(kong).update(http_path="/ready"),
    "never asked for": lambda kong, keyed: _active(kong)["healthy"].update(interval=0),
    "nobody comes back": lambda kong, keyed: _active(kong)["healthy"].update(successes=0),
    "again and again": lambda kong, keyed: _passive(kong)["unhealthy"].pop("timeouts"),
    "from all": lambda kong, keyed: _passive(kong)["unhealthy"].update(http_failures=5),
    "is lost": lambda kong, keyed: kong["services"][0].update(retries=0),
    "gives up before": lambda kong, keyed: kong["services"][0].update(read_timeout=5000),
}


def _active(kong: Object) -> Object:
    active: Object = kong["upstreams"][0]["healthchecks"]["active"]
    return active


def _passive(kong: Object) -> Object:
    passive: Object = kong["upstreams"][0]["healthchecks"]["passive"]
    return passive


@pytest.mark.parametrize("said", MISTAKES)
def test_a_mistake_is_caught(kind: list[Object], said: str) -> None:
    kong = copy.deepcopy(kong_of(kind))
    MISTAKES[said](kong, kong["services"][0]["routes"][0])
    assert any(said in line for line in wrong_with(kong)), wrong_with(kong)


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (503, None, "5"),  # no healthy target
        (502, None, "5"),
        (504, None, "5"),
        (503, "30", "30"),  # the API's own
        (200, None, None),
        (401, None, None),
        (500, None, None),
        (429, "12", "12"),  # the rate limit's
    ],
)
def test_where_nobody_answers_kong_says_when_to_come_back(
    kind: list[Object], status: int, said: str | None, told: str | None
) -> None:
    (plugin,) = [p for p in kong_of(kind)["plugins"] if p["name"] == "post-function"]
    (script,) = plugin["config"]["header_filter"]
    lua = LuaRuntime()
    headers = lua.table_from({} if said is None else {"Retry-After": said})
    lua.globals().headers, lua.globals().status = headers, status
    lua.execute(
        "kong = {response = {get_status = function() return status end, "
        "get_header = function(name) return headers[name] end, "
        "set_header = function(name, value) headers[name] = value end}}"
    )
    lua.execute(script)
    assert headers["Retry-After"] == told


def _alone(production: list[Object]) -> list[str]:
    """Whose dead pod, or whose rollout, would leave nobody."""
    wrong = []
    scaler = named(production, "HorizontalPodAutoscaler", "newsrec-api-stable")["spec"]
    if scaler["minReplicas"] < 2:
        wrong.append("newsrec-api-stable may have one pod")
    if named(production, "Deployment", "kong")["spec"]["replicas"] < 2:
        wrong.append("kong has one pod")
    budgets = {o["metadata"]["name"]: o for o in of_kind(production, "PodDisruptionBudget")}
    for name in ("newsrec-api-stable", "kong"):
        if name not in budgets or budgets[name]["spec"].get("maxUnavailable") != 1:
            wrong.append(f"{name}: a drained node may take all")
        rollout = named(production, "Deployment", name)["spec"]["strategy"]["rollingUpdate"]
        if rollout["maxUnavailable"] != 0:
            wrong.append(f"{name}: a rollout begins by taking")
    return wrong


def test_a_dead_pod_leaves_others_that_serve(built: dict[str, list[Object]]) -> None:
    assert _alone(built["production"]) == []


LONELY: dict[str, Callable[[list[Object]], object]] = {
    "may have one pod": lambda o: named(o, "HorizontalPodAutoscaler", "newsrec-api-stable")[
        "spec"
    ].update(minReplicas=1),
    "kong has one pod": lambda o: named(o, "Deployment", "kong")["spec"].update(replicas=1),
    "may take all": lambda o: o.remove(named(o, "PodDisruptionBudget", "kong")),
    "begins by taking": lambda o: named(o, "Deployment", "newsrec-api-stable")["spec"]["strategy"][
        "rollingUpdate"
    ].update(maxUnavailable=1),
}


@pytest.mark.parametrize("said", LONELY)
def test_a_pod_that_is_alone_is_caught(built: dict[str, list[Object]], said: str) -> None:
    production = copy.deepcopy(built["production"])
    LONELY[said](production)
    (line,) = _alone(production)
    assert said in line


def test_a_flood_of_one_address_is_no_limit_for_others(built: dict[str, list[Object]]) -> None:
    gateway = named(built["production"], "Service", "kong")["spec"]
    assert (gateway["type"], gateway["externalTrafficPolicy"]) == ("LoadBalancer", "Local")


def test_hooks_and_kong_name_the_same_canary(kind: list[Object]) -> None:
    (hooks,) = [o["data"] for o in kind if o["metadata"]["name"] == "newsrec-hooks" and "data" in o]
    (upstream,) = kong_of(kind)["upstreams"]
    assert upstream["name"] == hooks["KONG_UPSTREAM"]
    weights = {t["target"]: t["weight"] for t in upstream["targets"]}
    assert weights == {"newsrec-api-stable:8000": 100, hooks["KONG_CANARY"]: 0}


def _weights_of_dns(objects: list[Object]) -> bool:
    """Whether an SRV record, which carries a weight, may come in the place of a target's own."""
    (kong,) = named(objects, "Deployment", "kong")["spec"]["template"]["spec"]["containers"]
    env = {variable["name"]: variable.get("value") for variable in kong["env"]}
    return "SRV" in env.get("KONG_DNS_ORDER", "LAST,SRV,A,CNAME").split(",")


def test_the_weights_are_ours_and_not_those_of_dns(overlay: list[Object]) -> None:
    assert not _weights_of_dns(overlay)


def test_kongs_own_order_of_records_is_caught(kind: list[Object]) -> None:
    (kong,) = named(kind, "Deployment", "kong")["spec"]["template"]["spec"]["containers"]
    kong["env"] = [variable for variable in kong["env"] if variable["name"] != "KONG_DNS_ORDER"]
    assert _weights_of_dns(kind)


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
