"""The cluster itself, by kind: made, found again, removed."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.kind.errors import ClusterError
from infra.kind.images import Engine
from infra.kind.kubectl import Kubectl
from infra.kind.programs import ask, watch

NAME = "newsrec"
PORT = 8080  # of Kong on this machine: cluster.yaml
_CONFIG = Path(__file__).with_name("cluster.yaml")
_ANSWER_SECONDS = 60.0
_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Kind:
    """The programs, and the file that names the cluster for kubectl and for nobody else.

    The person's own ~/.kube/config is neither read nor written.
    """

    engine: Engine
    program: str
    kubectl_program: str
    kubeconfig: Path

    @property
    def kubectl(self) -> Kubectl:
        """Kubectl for this cluster."""
        return Kubectl((self.kubectl_program, f"--kubeconfig={self.kubeconfig}"))

    def exists(self) -> bool:
        """Whether kind knows the cluster, whole or not."""
        return NAME in ask([self.program, "get", "clusters"], 60, env=self.engine.env).split()

    def make(self) -> None:
        """Make the cluster; takes a minute or two, more when the node's image has to come."""
        _need_port()
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        where = ("--name", NAME, "--kubeconfig", str(self.kubeconfig))
        command = [self.program, "create", "cluster", *where, "--config", str(_CONFIG)]
        watch([*command, "--wait=180s"], self.engine.env)

    def find_again(self, tell: Callable[[str], None]) -> None:
        """Write the file that names the cluster, and see that it answers; start a stopped node.

        Raises:
            ClusterError: when it does not: a start that was interrupted leaves half a cluster.
        """
        half = f"the cluster {NAME} is there, but does not answer: make down, then make up"
        node = f"{NAME}-control-plane"
        engine = self.engine.program
        try:
            state = "{{.State.Running}}"
            if ask([engine, "inspect", f"--format={state}", node]).strip() != "true":
                tell(f"starting {node} again")
                ask([engine, "start", node])
            self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
            self._export()
        except ClusterError as e:
            raise ClusterError(f"{half} ({e})") from e
        deadline = time.monotonic() + _ANSWER_SECONDS
        while not self.kubectl.answers():
            if time.monotonic() >= deadline:
                raise ClusterError(half)
            time.sleep(_POLL_SECONDS)

    def _export(self) -> None:
        where = ("--name", NAME, "--kubeconfig", str(self.kubeconfig))
        ask([self.program, "export", "kubeconfig", *where], 60, env=self.engine.env)

    def remove(self) -> None:
        """Remove the cluster with everything in it."""
        where = ("--name", NAME, "--kubeconfig", str(self.kubeconfig))
        watch([self.program, "delete", "cluster", *where], self.engine.env)


def _need_port() -> None:
    try:
        with socket.create_server(("127.0.0.1", PORT)):
            pass
    except OSError as e:
        raise ClusterError(f"port {PORT}, which Kong gets, is taken by another program") from e
