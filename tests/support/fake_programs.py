"""Stands in for docker, podman, kind and kubectl: writes down each call, and plays one cluster.

Run as a script by the name of the program. What it is, and what goes wrong, is a JSON file.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["FAKE_FOLDER"])
STATE = FOLDER / "state.json"
KINDS = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "job": "Job",
    "pod": "Pod",
    "secret": "Secret",
    "configmap": "ConfigMap",
    "namespace": "Namespace",
    "service": "Service",
}


def fail(line: str) -> None:
    print(line, file=sys.stderr)
    sys.exit(1)


def docker(state: dict[str, Any], args: list[str]) -> None:
    if not state["daemon"]:
        fail("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    match args:
        case ["inspect", _, _]:
            print("true" if state["node_runs"] else "false")
        case ["start", _]:
            state["node_runs"] = True
        case ["image", "inspect", _, image]:
            name = image.partition("newsrec/")[2].partition(":")[0]
            print(state["built"].get(name, f"sha256:{name}" + "0" * 12))
        case ["save", _, _, archive, _]:
            Path(archive).touch()
        case ["build", *_] if state["build_fails"]:
            fail("ERROR: failed to solve")


def kind(state: dict[str, Any], args: list[str]) -> None:
    match args:
        case ["get", "clusters"]:
            print("\n".join(state["clusters"]) or "No kind clusters found.")
        case ["create", *_]:
            if state["create_fails"]:
                fail("ERROR: failed to create cluster")
            state["clusters"] = ["newsrec"]
        case ["delete", *_]:
            state["clusters"], state["objects"] = [], {}


def kubectl(state: dict[str, Any], args: list[str]) -> None:
    args = [a for a in args if not a.startswith(("--kubeconfig", "--context"))]
    if args[:1] == ["--namespace"]:
        args = args[2:]
    objects = state["objects"]
    match args:
        case ["version", *_]:
            print(json.dumps({"kustomizeVersion": state["kustomize"]}))
        case ["kustomize", _]:
            print((FOLDER / "manifests.yaml").read_text(encoding="utf-8"))
        case _ if not state["answers"]:
            fail("The connection to the server 127.0.0.1:6443 was refused")
        case ["apply", *options]:
            source = options[-1].partition("=")[2]
            text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
            for o in parsed(text):
                for item in o.get("items", [o]):
                    apply(state, item)
        case ["get", "--raw=/readyz", *_]:
            print("ok")
        case ["get", "pods", *_] if "--output=name" in args:
            print("pod/x" if args[2].partition("=")[2].endswith("=api") else "")
        case ["get", kinds, "--output=json"]:
            wanted = {KINDS[k.removesuffix("s")] for k in kinds.split(",")}
            items = [o for o in objects.values() if o["kind"] in wanted]
            items += state["pods"] if "Pod" in wanted else []
            print(json.dumps({"items": items}))
        case ["get", sort, name, *_]:
            if found := objects.get(f"{KINDS[sort]}/{name}"):
                print(json.dumps(found))
        case ["delete", "job", name, *_]:
            objects.pop(f"Job/{name}", None)
        case ["annotate", "namespace", _, _, note]:
            key, _, value = note.partition("=")
            objects["Namespace/newsrec"]["metadata"].setdefault("annotations", {})[key] = value
        case ["set", "image", name, image]:
            o = objects["Deployment/" + name.partition("/")[2]]
            o["spec"]["template"]["spec"]["containers"][0]["image"] = image.partition("=")[2]
            ready(state, o)
        case ["scale", name, replicas]:
            o = objects["Deployment/" + name.partition("/")[2]]
            o["spec"]["replicas"] = int(replicas.partition("=")[2])
            ready(state, o)
        case ["exec", _, "--", "python", "-m", "newsrec_hooks.canary_weight", *weight]:
            if state["kong_silent"]:
                fail("newsrec-hooks: Kong does not answer")
            if weight:
                state["weight"] = int(weight[0])
            w = state["weight"]
            print(json.dumps([{"newsrec-api-stable:8000": 100 - w, "newsrec-api-canary:8000": w}]))
        case ["logs", *_]:
            print("\n".join(f"line {n}" for n in range(1, 31)))
        case ["rollout", *_]:
            pass
        case _:
            fail(f"the fake knows no kubectl {' '.join(args)}")


def parsed(text: str) -> list[dict[str, Any]]:
    try:
        return [json.loads(text)]
    except ValueError:
        # Takes longer to import than all the rest.
        sys.path.append(os.environ["FAKE_PACKAGES"])
        import yaml

        return list(yaml.safe_load_all(text))


def apply(state: dict[str, Any], o: dict[str, Any]) -> None:
    key = f"{o['kind']}/{o['metadata']['name']}"
    if o["kind"] == "Secret":
        import base64

        o["data"] = {
            k: base64.b64encode(v.encode()).decode() for k, v in o.pop("stringData").items()
        }
    if o["kind"] == "Job":
        failed = o["metadata"]["name"].startswith(tuple(state["failing"]) or ("\0",))
        condition = "Failed" if failed else "Complete"
        o["status"] = {"conditions": [{"type": condition, "status": "True"}]}
    if o["kind"] in ("Deployment", "StatefulSet"):
        ready(state, o)
    had = state["objects"].get(key, {}).get("metadata", {}).get("annotations")
    if had:
        o["metadata"].setdefault("annotations", {}).update(had)
    state["objects"][key] = o


def ready(state: dict[str, Any], o: dict[str, Any]) -> None:
    n = o["spec"].get("replicas", 1)
    stuck = o["metadata"]["name"] in state["stuck"]
    o["status"] = {
        "replicas": n,
        "updatedReplicas": n,
        "availableReplicas": 0 if stuck else n,
        "readyReplicas": 0 if stuck else n,
    }


def main() -> None:
    program, args = Path(sys.argv[0]).name, sys.argv[1:]
    with (FOLDER / "calls").open("a", encoding="utf-8") as calls:
        calls.write(" ".join([program, *args]) + "\n")
    state = json.loads(STATE.read_text(encoding="utf-8"))
    try:
        {"docker": docker, "podman": docker, "kind": kind, "kubectl": kubectl}[program](state, args)
    finally:
        STATE.write_text(json.dumps(state), encoding="utf-8")


if __name__ == "__main__":
    main()
