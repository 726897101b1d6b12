"""Weighs a canary by the admin API of Kong 3 without a database.

There, no entity can be changed (`PATCH /upstreams/…` answers 405): a node is told its whole
configuration by POST /config, and tells it by GET /config. A node keeps it for itself, so each
address that the name of the admin API has is told (docs/adr/0020).
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import orjson
import yaml

from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.adapters.exchange import Server, exchange
from newsrec_hooks.canary import NoSuchTargetError, aborted, shared, weights
from newsrec_hooks.errors import RefusedError, UnavailableError

_NODE_SECONDS = 3.0  # one that is silent leaves time for the others
_KEPT_TAGS = ("null", "bool", "int", "float")

# A configuration -> the one to have instead, or None when it is that already.
Change = Callable[[dict[str, Any]], dict[str, Any] | None]

_T = TypeVar("_T")


class _PlainLoader(yaml.SafeLoader):
    """Kong's text holds what JSON can hold: a text that looks like a date stays a text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the kind are PyYAML's
        first: [(tag, regex) for tag, regex in resolvers if tag.rsplit(":", 1)[1] in _KEPT_TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def nodes(admin_url: str) -> list[Server]:
    """The nodes behind a name: a headless service of Kubernetes has an address for each.

    Raises:
        UnavailableError: when it has none.
    """
    server = Server.of("Kong", admin_url)
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except OSError as e:
        raise UnavailableError("Kong has no address") from e
    return [replace(server, host=address) for address in one_family(found)]


def one_family(found: Sequence[tuple[Any, ...]]) -> list[str]:
    """Each address once; a node may have one of each family, and listen on the older only."""
    older = [entry for entry in found if entry[0] == socket.AF_INET]
    return list(dict.fromkeys(str(entry[4][0]) for entry in older or found))


class Kong:
    """A Gateway. `nodes` is asked anew each time: they come and go."""

    def __init__(self, nodes: Callable[[], list[Server]], upstream: str, canary: str) -> None:
        self._nodes = nodes
        self._upstream = upstream
        self._canary = canary

    def abort_canary(self, deadline: Deadline) -> bool:
        """Take the canary's weight on every node; one that is done stays as it is.

        Raises:
            UnavailableError, RefusedError: see `interfaces`; nodes that answered are done.
        """
        return self._on_every_node(
            lambda config: aborted(config, self._upstream, self._canary), deadline
        )

    def weigh(self, weight: int, deadline: Deadline) -> bool:
        """Give the canary `weight` of 100 on every node; False when that was so already.

        Raises:
            UnavailableError, RefusedError: see `interfaces`; nodes that answered are done.
        """
        return self._on_every_node(
            lambda config: shared(config, self._upstream, self._canary, weight), deadline
        )

    def weights(self, deadline: Deadline) -> list[dict[str, int]]:
        """Target -> weight, as each node has it.

        Raises:
            UnavailableError, RefusedError: see `interfaces`.
        """
        found = []
        for node in self._nodes():
            config = self._config(node, deadline.within(_NODE_SECONDS))
            found.append(_or_refused(lambda c: weights(c, self._upstream), config))
        return found

    def _on_every_node(self, change: Change, deadline: Deadline) -> bool:
        failed: UnavailableError | RefusedError | None = None
        changed = False
        for node in self._nodes():
            try:
                changed |= self._change(node, change, deadline.within(_NODE_SECONDS))
            except (UnavailableError, RefusedError) as e:
                # A node that is gone must not keep the traffic of the others on the canary.
                failed = failed or e
        if failed is not None:
            raise failed
        return changed

    def _change(self, node: Server, change: Change, deadline: Deadline) -> bool:
        changed = _or_refused(change, self._config(node, deadline))
        if changed is None:
            return False
        text = orjson.dumps(changed, option=orjson.OPT_NON_STR_KEYS).decode()
        answer = exchange(node, deadline, "POST", f"{node.prefix}/config", {"config": text})
        if answer.status != 201:
            raise RefusedError(f"Kong refuses the configuration: it answers {answer.status}")
        return True

    def _config(self, node: Server, deadline: Deadline) -> dict[str, Any]:
        answer = exchange(node, deadline, "GET", f"{node.prefix}/config")
        text = answer.content.get("config")
        if answer.status != 200 or not isinstance(text, str):
            raise RefusedError(f"Kong does not tell its configuration: it answers {answer.status}")
        try:
            config = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as e:
            raise RefusedError("Kong's configuration is no YAML") from e
        if not isinstance(config, dict):
            raise RefusedError("Kong's configuration is empty")
        return config


def _or_refused(ask: Callable[[dict[str, Any]], _T], config: dict[str, Any]) -> _T:
    try:
        return ask(config)
    except NoSuchTargetError as e:
        raise RefusedError(f"Kong's configuration: {e}") from e
