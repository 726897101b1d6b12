"""What a person is shown: where things are, and how they do."""

from infra.kind import workloads
from infra.kind.credentials import Values
from infra.kind.errors import ClusterError
from infra.kind.kubectl import Kubectl
from infra.kind.world import READER

# Pages inside: Service -> (what it is, port here, port there); left out where it is not deployed.
_PAGES = {
    "airflow-api": ("Airflow", 8081, 8080),
    "grafana": ("Grafana", 3000, 3000),
    "prometheus": ("Prometheus", 9090, 9090),
    "alertmanager": ("Alertmanager", 9093, 9093),
    "mlflow": ("MLflow", 5000, 5000),
    "mailcatcher": ("Mails", 8025, 8025),
}


def places(kubectl: Kubectl, values: Values, address: str) -> list[str]:
    """Addresses and keys, a line each."""
    keys, tokens = values["kong-consumers"], values["newsrec-api"]
    slate = f"{address}/v1/readers/{READER}/recommendations"
    password = values["newsrec-hooks"]["AIRFLOW_PASSWORD"]
    lines = [
        "",
        f"A slate    curl -H 'apikey: {keys['KEY_SITE']}' {slate}",
        f"Contract   {address}/docs",
        f"Keys       site {keys['KEY_SITE']}, operations {keys['KEY_OPERATIONS']}",
        f"Tokens     admin {tokens['ADMIN_TOKEN']}, audit {tokens['AUDIT_TOKEN']}",
        f"Grafana    user admin, password {values['grafana']['GF_SECURITY_ADMIN_PASSWORD']}",
        f"Airflow    user admin, password {password}; its DAGs are paused",
    ]
    lines += ["Pages, each after its command:", *pages(kubectl)]
    return lines


def pages(kubectl: Kubectl) -> list[str]:
    """How each page inside is reached."""
    there = {o["metadata"]["name"] for o in kubectl.get("services")}
    command = " ".join(kubectl.command)
    return [
        f"  http://localhost:{here:<6}{name:<13}{command} -n newsrec port-forward"
        f" service/{service} {here}:{inside}"
        for service, (name, here, inside) in _PAGES.items()
        if service in there
    ]


def status(kubectl: Kubectl, weights: str) -> tuple[list[str], bool]:
    """How everything does, a line each, and whether all is well."""
    objects = kubectl.get("deployments,statefulsets,jobs,pods")
    missing = set(workloads.waiting_for(objects))
    lines = []
    for o in objects:
        name = f"{o['kind'].lower()}/{o['metadata']['name']}"
        if o["kind"] in ("Deployment", "StatefulSet"):
            wanted, state = o["spec"].get("replicas", 1), o.get("status", {})
            ready = state.get("readyReplicas", 0)
            lines.append(f"{'…' if name in missing else '✓'} {name:<40}{ready}/{wanted}")
        elif name in missing:
            lines.append(f"… {name}")
    lines += [f"  pod/{t.pod}: {t.why}" for t in workloads.troubles(objects)]
    lines += [f"  weights in Kong: {weights}", *pages(kubectl)]
    return lines, not missing


def logs(kubectl: Kubectl, name: str) -> None:
    """The last lines of every pod, or of those of one name, which are followed."""
    common = ("--all-containers", "--prefix", "--ignore-errors")
    if not name:
        chosen = ("--selector=app.kubernetes.io/part-of=newsrec", "--tail=10")
        kubectl.follow("logs", *chosen, *common, "--max-log-requests=50")
        return
    label = f"app.kubernetes.io/name={name}"
    if not kubectl("get", "pods", f"--selector={label}", "--output=name").strip():
        there = {
            o["metadata"].get("labels", {}).get("app.kubernetes.io/name", "")
            for o in kubectl.get("pods")
        }
        raise ClusterError(f"no pod is called {name}; there are: {', '.join(sorted(there - {''}))}")
    kubectl.follow("logs", f"--selector={label}", "--tail=100", *common, "--follow")
