"""The real API in this process, with a clock that a test sets from day to day."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from newsrec_api.app import create_app
from newsrec_api.repositories.evidence import StoreEvidence
from newsrec_api.repositories.postgres import postgres, postgres_pool
from newsrec_api.settings import Settings
from support.api_server import SECRETS


@dataclass
class Api:
    """Where it answers, and the moment that it believes in."""

    url: str = ""
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Tell nobody."""


@contextmanager
def api_of_a_world(database_url: str, store_url: str) -> Iterator[Api]:
    """Serve it on loopback."""
    api = Api()
    settings = Settings.from_env({**SECRETS, "DATABASE_URL": database_url, "STORE_URL": store_url})
    pool = postgres_pool(database_url, 1)
    app = create_app(settings, postgres(pool, StoreEvidence(store_url)), lambda: api.now)
    with make_server("127.0.0.1", 0, app, WSGIServer, _Quiet) as server:
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
            pool.close()
