"""What the schemas of Kubernetes miss. Each check returns what is wrong, a line each."""

import json
import re
from collections.abc import Callable
from functools import cache

import kubernetes_validate
import yaml

from support.cluster import (
    LOGGING_SECRETS,
    REPOSITORY,
    TASKS,
    Object,
    amount,
    called,
    containers,
    declared_secrets,
    labels_of_pods,
    named,
    of_kind,
    selects,
    templates,
)

NAME = "app.kubernetes.io/name"
# Images that we do not build, by what their registries call them.
LISTED = {
    "docker.io/library/postgres",
    "docker.io/library/kong",
    "docker.io/prom/prometheus",
    "docker.io/prom/alertmanager",
    "docker.io/prom/pushgateway",
    "docker.io/prom/node-exporter",
    "docker.io/prom/statsd-exporter",
    "docker.io/prom/blackbox-exporter",
    "docker.io/prometheuscommunity/postgres-exporter",
    "docker.io/grafana/grafana",
    "docker.io/fluent/fluent-bit",
    "docker.elastic.co/elasticsearch/elasticsearch",
    "docker.elastic.co/kibana/kibana",
    "docker.io/versity/versitygw",
    "docker.io/axllent/mailpit",
}
KUBERNETES = ("1.27", "1.33", "1.37")
_DOCKERFILE = (REPOSITORY / "infra/docker/Dockerfile").read_text(encoding="utf-8")
_TARGETS: dict[str, str] = dict(
    re.findall(r"^FROM base AS (\w+)$(.*?)(?=^FROM|\Z)", _DOCKERFILE, re.M | re.S)
)
_OPEN_PORTS = {8080, 8443}  # Kong's, for everybody
# Reads what its node's root wrote; components/logging gives it a namespace for that.
_READS_NODES = "DaemonSet/log-shipper"


def schemas(objects: list[Object], versions: tuple[str, ...] = KUBERNETES) -> list[str]:
    """Strictly, so that a misspelt field is found."""
    return [
        f"{called(o)} in {version}: {wrong}"
        for o in objects
        for version in versions
        if (wrong := _schema(json.dumps(o, sort_keys=True), version))
    ]


@cache
def _schema(text: str, version: str) -> str | None:
    # Overlays share most objects, and a schema takes longer than all other checks.
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.ValidationError as e:
        return str(e.message)
    return None


def selectors(objects: list[Object]) -> list[str]:
    """Whoever selects pods selects some, a workload its own."""
    wrong = []
    pods = labels_of_pods(objects)
    for o in of_kind(objects, "Deployment", "StatefulSet", "DaemonSet"):
        if not selects(o["spec"]["selector"], o["spec"]["template"]["metadata"]["labels"]):
            wrong.append(f"{called(o)} does not select its own pods")
    for o in of_kind(objects, "Service"):
        if not any(selects(o["spec"]["selector"], p) for p in pods):
            wrong.append(f"{called(o)} selects no pod")
    for o in of_kind(objects, "PodDisruptionBudget"):
        if not any(selects(o["spec"]["selector"], p) for p in pods):
            wrong.append(f"{called(o)} selects no pod")
    for o in of_kind(objects, "HorizontalPodAutoscaler"):
        target = o["spec"]["scaleTargetRef"]
        if not any(called(x) == f"{target['kind']}/{target['name']}" for x in objects):
            wrong.append(f"{called(o)} scales nothing")
    for o in of_kind(objects, "StatefulSet"):
        if not any(called(x) == f"Service/{o['spec']['serviceName']}" for x in objects):
            wrong.append(f"{called(o)} has no Service {o['spec']['serviceName']}")
    return wrong


def ports(objects: list[Object]) -> list[str]:
    """A Service and a probe name a port of the container."""
    wrong = []
    for o in of_kind(objects, "Service"):
        for _, t in templates(objects):
            if not selects(o["spec"]["selector"], t["metadata"].get("labels", {})):
                continue
            names = {p["name"] for c in t["spec"]["containers"] for p in c.get("ports", [])}
            for port in o["spec"]["ports"]:
                if port["targetPort"] not in names:
                    wrong.append(f"{called(o)}: no port {port['targetPort']} in its pods")
    for o, t in templates(objects):
        for c in t["spec"]["containers"]:
            names = {p["name"] for p in c.get("ports", [])}
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = c.get(kind, {})
                port = (asked.get("httpGet") or asked.get("tcpSocket") or {}).get("port")
                if port is not None and port not in names:
                    wrong.append(f"{called(o)}: {kind} asks port {port}, which it has not")
    return wrong


def references(objects: list[Object]) -> list[str]:
    """Every ConfigMap, Secret, key, volume, claim and account that is named is there."""
    wrong = []
    secrets = declared_secrets() | declared_secrets(LOGGING_SECRETS)
    maps = {o["metadata"]["name"]: set(o["data"]) for o in of_kind(objects, "ConfigMap")}
    claims = {o["metadata"]["name"] for o in of_kind(objects, "PersistentVolumeClaim")}
    accounts = {o["metadata"]["name"] for o in of_kind(objects, "ServiceAccount")} | {"default"}

    def there(who: str, known: dict[str, set[str]], name: str, keys: set[str]) -> None:
        if name not in known:
            wrong.append(f"{who} refers to {name}, which is not there")
        elif missing := keys - known[name]:
            wrong.append(f"{who} refers to {name}: no {', '.join(sorted(missing))}")

    if of_kind(objects, "Secret"):
        wrong.append("a Secret is in git")
    for o, t in templates(objects):
        who, spec = called(o), t["spec"]
        volumes = {v["name"] for v in spec.get("volumes", [])}
        volumes |= {v["metadata"]["name"] for v in o["spec"].get("volumeClaimTemplates", [])}
        if spec.get("serviceAccountName", "default") not in accounts:
            wrong.append(f"{who}: no account {spec['serviceAccountName']}")
        for v in spec.get("volumes", []):
            if source := v.get("configMap"):
                there(who, maps, source["name"], {i["key"] for i in source.get("items", [])})
            if source := v.get("secret"):
                keys = {i["key"] for i in source.get("items", [])}
                there(who, secrets, source["secretName"], keys)
            claim = v.get("persistentVolumeClaim")
            if claim and claim["claimName"] not in claims:
                wrong.append(f"{who}: no claim {claim['claimName']}")
        for c in containers(t):
            for m in c.get("volumeMounts", []):
                if m["name"] not in volumes:
                    wrong.append(f"{who}: {c['name']} mounts {m['name']}, which is no volume")
            for source in c.get("envFrom", []):
                if ref := source.get("configMapRef"):
                    there(who, maps, ref["name"], set())
                if ref := source.get("secretRef"):
                    there(who, secrets, ref["name"], set())
            for variable in c.get("env", []):
                value = variable.get("valueFrom", {})
                if ref := value.get("configMapKeyRef"):
                    there(who, maps, ref["name"], {ref["key"]})
                if ref := value.get("secretKeyRef"):
                    there(who, secrets, ref["name"], {ref["key"]})
    for o in of_kind(objects, "RoleBinding"):
        if not any(called(x) == f"Role/{o['roleRef']['name']}" for x in objects):
            wrong.append(f"{called(o)}: no role {o['roleRef']['name']}")
        wrong += [
            f"{called(o)}: no account {s['name']}"
            for s in o["subjects"]
            if s["name"] not in accounts
        ]
    return wrong


def images(objects: list[Object]) -> list[str]:
    """Pinned, and ours or listed; the tasks' as well."""
    wrong = []
    for o, t in templates(objects):
        for c in containers(t):
            wrong += [f"{called(o)}: {x}" for x in _image(c["image"])]
    pattern = named(objects, "ConfigMap", "airflow")["data"]["NEWSREC_POD_IMAGE"]
    for task in TASKS:
        wrong += [f"tasks: {x}" for x in _image(pattern.replace("{component}", task))]
    ours = {c["image"] for _, t in templates(objects) for c in containers(t)}
    if pattern.replace("{component}", "pipelines") not in ours:
        wrong.append(f"tasks run {pattern}, the migrations another version")
    return wrong


def _image(image: str) -> list[str]:
    image, _, digest = image.partition("@")
    name, _, tag = image.rpartition(":")
    if digest and not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        return [f"{image} has no digest like {digest}"]
    if not name or "/" in tag or tag in ("latest", ""):
        return [f"{image} is not pinned"]
    target = name.rpartition("newsrec/")[2]
    if "newsrec/" in name:
        return [] if target in _TARGETS else [f"{image} is no target of the Dockerfile"]
    return [] if name in LISTED else [f"{image} is not listed"]


def programs(objects: list[Object]) -> list[str]:
    """What our images are told to run is in them, and they listen where they are asked."""
    wrong = []
    settings = {o["metadata"]["name"]: o["data"] for o in of_kind(objects, "ConfigMap")}
    scripts = "".join(
        p.read_text(encoding="utf-8")
        for part in ("services/*", "pipelines", "infra/postgres")
        for p in REPOSITORY.glob(f"{part}/pyproject.toml")
    )
    for o, t in templates(objects):
        for c in containers(t):
            image = c["image"].rpartition(":")[0]
            if "newsrec/" not in image:
                continue
            target = _TARGETS[image.rpartition("newsrec/")[2]]
            told = {
                value
                for source in c.get("envFrom", [])
                for value in settings.get(source.get("configMapRef", {}).get("name"), {}).values()
            }
            exposed = set(re.findall(r"EXPOSE (\d+)", target)) | told
            for p in c.get("ports", []):
                if str(p["containerPort"]) not in exposed:
                    wrong.append(f"{called(o)}: nobody listens on {p['containerPort']}")
            if (command := c.get("command", ["sh"])[0]) != "sh" and f"{command} = " not in scripts:
                wrong.append(f"{called(o)}: {command} is in no package")
            if c["securityContext"].get("runAsUser", 10001) != 10001:
                wrong.append(f"{called(o)}: another user than the image's")
    return wrong


def probes(objects: list[Object]) -> list[str]:
    """What runs for long says that it has begun and lives; behind a Service, that it is ready."""
    wrong = []
    services = of_kind(objects, "Service")
    for o, t in templates(objects):
        if o["kind"] not in ("Deployment", "StatefulSet", "DaemonSet"):
            continue
        served = {
            p["targetPort"]
            for s in services
            if selects(s["spec"]["selector"], t["metadata"]["labels"])
            for p in s["spec"]["ports"]
        }
        for c in t["spec"]["containers"]:
            wanted = ["startupProbe", "livenessProbe"]
            if served & {p["name"] for p in c.get("ports", [])}:
                wanted.append("readinessProbe")
            wrong += [f"{called(o)}: {c['name']} has no {p}" for p in wanted if p not in c]
    return wrong


def resources(objects: list[Object]) -> list[str]:
    """CPU and memory, asked for and limited, in quantities that make sense."""
    wrong = []
    for o, t in templates(objects):
        for c in containers(t):
            for what in ("cpu", "memory"):
                try:
                    least, most = (
                        amount(c["resources"][kind][what]) for kind in ("requests", "limits")
                    )
                except (KeyError, ValueError) as e:
                    wrong.append(f"{called(o)}: {what} of {c['name']}: {e}")
                    continue
                if not 0 < least <= most:
                    wrong.append(f"{called(o)}: {c['name']} asks for more {what} than its limit")
    return wrong


def restricted(objects: list[Object]) -> list[str]:
    """Pod Security `restricted`, a read-only root, and no token but for who needs one."""
    wrong = []
    for o, t in templates(objects):
        spec = t["spec"]
        context = spec.get("securityContext", {})
        reads_nodes = called(o) == _READS_NODES
        if not reads_nodes and not (context.get("runAsNonRoot") and context.get("runAsUser")):
            wrong.append(f"{called(o)} may run as root")
        if not reads_nodes and any("hostPath" in v for v in spec.get("volumes", [])):
            wrong.append(f"{called(o)} has a folder of its node")
        if any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
            wrong.append(f"{called(o)} shares its node's network or processes")
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            wrong.append(f"{called(o)} has no seccomp profile")
        if spec.get("automountServiceAccountToken") is not False and called(o) not in (
            "Deployment/airflow-scheduler",
            "StatefulSet/prometheus",
        ):
            wrong.append(f"{called(o)} has a token of Kubernetes")
        for c in containers(t):
            own = c.get("securityContext", {})
            if (
                own.get("allowPrivilegeEscalation") is not False
                or own.get("readOnlyRootFilesystem") is not True
                or own.get("capabilities") != {"drop": ["ALL"]}
            ):
                wrong.append(f"{called(o)}: {c['name']} may do too much")
    return wrong


def policies(objects: list[Object]) -> list[str]:
    """Nothing by default; each flow is allowed at both ends, between pods and ports that exist."""
    wrong = []
    found = of_kind(objects, "NetworkPolicy")
    denied = {
        p["metadata"]["namespace"]
        for p in found
        if p["spec"]["podSelector"] == {}
        and set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        and "ingress" not in p["spec"]
    }
    wrong += [
        f"no policy of {name} denies by default"
        for name in sorted({o["metadata"]["namespace"] for o, _ in templates(objects)} - denied)
    ]
    pods = {labels[NAME] for labels in labels_of_pods(objects)}
    listening: dict[str, set[int]] = {}
    for _, t in templates(objects):
        for c in t["spec"]["containers"]:
            known = listening.setdefault(t["metadata"]["labels"][NAME], set())
            known |= {p["containerPort"] for p in c.get("ports", [])}
    out, into, open_to_all = set(), set(), set()
    for p in found:
        chosen = p["spec"]["podSelector"].get("matchLabels", {}).get(NAME)
        if chosen and chosen not in pods:
            wrong.append(f"{called(p)} is about {chosen}, which is no pod")
        for direction, key, flows in (("ingress", "from", into), ("egress", "to", out)):
            for rule in p["spec"].get(direction, []):
                peers = [x["podSelector"]["matchLabels"].get(NAME) for x in rule.get(key, [])]
                for peer in filter(None, peers):
                    for port in rule["ports"]:
                        pair = (peer, chosen) if direction == "ingress" else (chosen, peer)
                        flows.add((*pair, port["port"]))
                if direction == "ingress" and not peers:
                    open_to_all |= {(chosen, port["port"]) for port in rule["ports"]}
                    wrong += [
                        f"{called(p)}: everybody may reach {chosen}"
                        for port in rule["ports"]
                        if chosen != "kong" or port["port"] not in _OPEN_PORTS
                    ]
    for source, target, port in sorted(out ^ into):
        if (target, port) in open_to_all and (source, target, port) in out:
            continue
        if {source, target} <= pods:  # a component that an overlay leaves out has no other end
            wrong.append(f"{source} to {target}:{port} is allowed at one end only")
    for source, target, port in sorted(out & into):
        if port not in listening.get(target, set()):
            wrong.append(f"{source} to {target}:{port}: nobody listens there")
    return wrong


def tasks(objects: list[Object]) -> list[str]:
    """The pods that Airflow makes find their account, ConfigMap, Secret and namespace."""
    wrong = []
    settings = named(objects, "ConfigMap", "airflow")["data"]
    namespace = settings["NEWSREC_POD_NAMESPACE"]
    for task in TASKS:
        name = settings["NEWSREC_POD_NAME"].replace("{component}", task)
        for kind in ("ServiceAccount", "ConfigMap"):
            if not any(
                called(o) == f"{kind}/{name}" and o["metadata"]["namespace"] == namespace
                for o in objects
            ):
                wrong.append(f"tasks: there is no {kind}/{name} in {namespace}")
        if name not in declared_secrets():
            wrong.append(f"tasks: there is no Secret {name}")
    if settings["NEWSREC_TASKS"] != "pod":
        wrong.append("tasks are no pods")
    return wrong


CHECKS: dict[str, Callable[[list[Object]], list[str]]] = {
    check.__name__: check
    for check in (
        selectors, ports, references, images, programs, probes, resources, restricted, policies,
        tasks,
    )
}  # fmt: skip


def memory(objects: list[Object], kind: str) -> float:
    """Bytes of all pods at their most: a canary, every Job and the tasks that run at once."""
    total = 0.0
    for o, t in templates(objects):
        if o["spec"].get("suspend"):  # by hand, while others rest
            continue
        first = [
            amount(c["resources"][kind]["memory"]) for c in t["spec"].get("initContainers", [])
        ]
        rest = sum(amount(c["resources"][kind]["memory"]) for c in t["spec"]["containers"])
        copies = max(1, o["spec"].get("replicas", 1))
        for h in of_kind(objects, "HorizontalPodAutoscaler"):
            target = h["spec"]["scaleTargetRef"]
            if called(o) == f"{target['kind']}/{target['name']}":
                copies = h["spec"]["maxReplicas"]
        total += copies * max([rest, *first])
    airflow = named(objects, "ConfigMap", "airflow")["data"]
    sizes = json.loads(airflow["NEWSREC_POD_SIZES"])
    largest = max(amount(size[kind]["memory"]) for size in sizes.values())
    return total + int(airflow["AIRFLOW__CORE__PARALLELISM"]) * largest


def kong_of(objects: list[Object]) -> Object:
    """Kong's file as its pod has it, before the keys are in it."""
    (config,) = [o for o in of_kind(objects, "ConfigMap") if "kong.yaml" in o["data"]]
    found: Object = yaml.safe_load(config["data"]["kong.yaml"])
    return found
