"""A sender whose tracker speaks to a server that takes the connection and never answers."""

import socket
import sys
from collections.abc import Mapping

from newsrec_pipelines.tracking import sender
from newsrec_pipelines.tracking.record import Record
from newsrec_pipelines.tracking.tracker import Models


class _Hanging:
    def log_run(self, record: Record, files: Mapping[str, bytes]) -> None:
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        print("a server took the connection, and is silent", flush=True)
        while True:
            try:
                client.recv(1)
            except BaseException:  # as bad as a library can be
                continue

    def mirror(self, models: Models) -> None:
        pass


if __name__ == "__main__":
    sender.connect = lambda name, settings: _Hanging()  # type: ignore[attr-defined]
    sys.exit(sender.main())
