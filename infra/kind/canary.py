"""A canary of the API's code: begun, grown, promoted or aborted, on kind or on any cluster."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.kind.errors import ClusterError
from infra.kind.kubectl import Kubectl, seconds

STABLE, CANARY, HOOKS = "newsrec-api-stable", "newsrec-api-canary", "newsrec-hooks"
FULL = 100
_READY_SECONDS = 300.0

Tell = Callable[[str], None]
Object = dict[str, Any]


@dataclass(frozen=True)
class Canary:
    """The canary of the cluster that `kubectl` names.

    Weights are changed by the program of services/hooks, in its own pod: the one that takes them
    away on a breach of the promise, over the only way that Kong's admin API is open to.
    """

    kubectl: Kubectl
    tell: Tell

    def set_weight(self, weight: int, image: Callable[[], str]) -> None:
        """Give the canary a weight; when none runs, begin one of `image`, which is asked then only.

        Raises:
            ClusterError: when it does not become ready: it gets no request then.
        """
        canary = self._deployment(CANARY)
        if canary["spec"].get("replicas"):
            self.tell(f"▸ the canary of {_image(canary)} is there")
        else:
            if weight == 0:
                raise ClusterError("no canary runs: there is nothing to take a weight from")
            # What a restarted gateway or an earlier canary left must not meet pods that begin.
            self._set_weight(0)
            chosen = image()
            self.tell(f"▸ beginning a canary of {chosen}")
            self.kubectl("set", "image", f"deployment/{CANARY}", f"api={chosen}")
        self._scale(CANARY, self._pods_for(weight))
        self._wait(CANARY)
        self.tell(f"▸ weights: {self._set_weight(weight)}")

    def promote(self) -> None:
        """The stable version gets the canary's image; then the canary loses its weight and pods.

        Raises:
            ClusterError: when no canary runs, none has a weight, or the stable version does not
                become ready with it: its old pods serve on.
        """
        canary = self._deployment(CANARY)
        if not canary["spec"].get("replicas"):
            raise ClusterError("no canary runs: make canary WEIGHT=10 begins one")
        if not any(node.get(_target(node), 0) for node in self._weights()):
            raise ClusterError(
                "the canary has no weight, it may have been aborted: look before you promote"
            )
        self.tell(f"▸ {_image(canary)} becomes the stable version")
        self.kubectl("set", "image", f"deployment/{STABLE}", f"api={_image(canary)}")
        self._wait(STABLE)
        self._end()

    def abort(self) -> None:
        """All requests to the stable version, then the canary's pods away; safe to repeat."""
        self._end()

    def weights(self) -> str:
        """What Kong's nodes say, for people."""
        return "; ".join(
            ", ".join(f"{target.partition(':')[0]} {n}" for target, n in node.items())
            for node in self._weights()
        )

    def _end(self) -> None:
        self.tell(f"▸ weights: {self._set_weight(0)}")
        self._scale(CANARY, 0)
        self.tell("▸ the canary has ended")

    def _set_weight(self, weight: int) -> str:
        self._ask_hooks(str(weight))
        return self.weights()

    def _weights(self) -> list[dict[str, int]]:
        found: list[dict[str, int]] = json.loads(self._ask_hooks())
        return found

    def _ask_hooks(self, *arguments: str) -> str:
        program = ("python", "-m", "newsrec_hooks.canary_weight", *arguments)
        try:
            return self.kubectl("exec", f"deployment/{HOOKS}", "--", *program)
        except ClusterError as e:
            raise ClusterError(
                f"Kong's weights cannot be reached: {e} (kubectl rollout restart deployment/kong"
                " sends everything to the stable version)"
            ) from e

    def _pods_for(self, weight: int) -> int:
        """The canary's share of the pods, so that blue-green finds as many as there were."""
        status = self._deployment(STABLE).get("status", {})
        return max(1, math.ceil(status.get("readyReplicas", 1) * weight / FULL))

    def _scale(self, name: str, pods: int) -> None:
        self.kubectl("scale", f"deployment/{name}", f"--replicas={pods}")

    def _wait(self, name: str) -> None:
        self.kubectl.wait(
            seconds(_READY_SECONDS),
            self.tell,
            lambda o: _belongs(o, name),
        )

    def _deployment(self, name: str) -> Object:
        if found := self.kubectl.find("deployment", name):
            return found
        raise ClusterError(f"there is no deployment {name} in this cluster (make up)")


def wanted_weight(text: str | None) -> int:
    """The weight that a person asked for.

    Raises:
        ClusterError: when it is none.
    """
    if not text:
        raise ClusterError("say how much of 100 the canary gets: make canary WEIGHT=10")
    if not (text.isascii() and text.isdigit()) or int(text) > FULL:
        raise ClusterError(f"WEIGHT must be a whole number from 0 to {FULL}, not {text!r}")
    return int(text)


def _belongs(o: Object, deployment: str) -> bool:
    """The Deployment and its pods: those have its name before two parts of their own."""
    name = o["metadata"]["name"]
    if o["kind"] == "Pod":
        return bool(name.rsplit("-", 2)[0] == deployment)
    return bool(o["kind"] == "Deployment" and name == deployment)


def _image(deployment: Object) -> str:
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def _target(node: dict[str, int]) -> str:
    return next((target for target in node if target.startswith(f"{CANARY}:")), "")
