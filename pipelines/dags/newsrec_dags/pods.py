"""A stage as a pod of its image, with the least rights; imported only where tasks are pods."""

from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from newsrec_dags import operators
from newsrec_dags.settings import Settings

# program -> the component whose image, service account, ConfigMap and Secret it has.
_COMPONENTS = {"newsrec": "pipelines", "newsrec-mailer": "mailer"}
_SIZES: dict[str, Any] = {
    "small": {
        "requests": {"cpu": "250m", "memory": "512Mi"},
        "limits": {"cpu": "1", "memory": "2Gi"},
    },
    "large": {
        "requests": {"cpu": "1", "memory": "4Gi"},
        "limits": {"cpu": "4", "memory": "16Gi"},
    },
}


class PodStage(KubernetesPodOperator):
    """Runs one command line in a pod; a restarted Airflow finds the pod again, and waits for it."""

    def __init__(self, *, not_in_backfill: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.not_in_backfill = not_in_backfill

    def execute(self, context: Any) -> Any:
        """Run the pod to its end; see KubernetesPodOperator."""
        operators.before(self, context)
        result = super().execute(context)
        operators.after(self, context)
        return result


def pod(
    settings: Settings, program: str, arguments: list[str], size: str, question: bool
) -> dict[str, Any]:
    """The arguments of `PodStage` for a command line."""
    component = _COMPONENTS[program]
    return {
        "name": f"newsrec-{component}",
        "namespace": settings.namespace,
        "image": settings.image.format(component=component),
        "cmds": [program],
        "arguments": arguments,
        "pod_template_dict": _template(settings.name.format(component=component)),
        "container_resources": {**_SIZES, **settings.sizes}[size],
        "skip_on_exit_code": operators.NO if question else None,
        "on_finish_action": "delete_succeeded_pod",
        "startup_timeout_seconds": 600,
        "do_xcom_push": False,
        "labels": {"app.kubernetes.io/part-of": "newsrec", "app.kubernetes.io/name": component},
    }


def _template(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "serviceAccountName": name,
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "base",
                    "envFrom": [
                        {"configMapRef": {"name": name}},
                        {"secretRef": {"name": name, "optional": True}},
                    ],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }
