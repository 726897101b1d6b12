"""`make airflow`: Airflow on this machine, beside the embedded PostgreSQL, until Ctrl-C."""

import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from infra.airflow import programs
from infra.airflow.home import DATABASE, USER, Home
from infra.airflow.programs import AirflowError

from newsrec_db import migrate
from newsrec_db.embedded import Embedded, EmbeddedError, ensure_database


def main() -> None:
    """Start Airflow, say where it is, and end everything when asked to."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        _run(os.environ)
    except KeyboardInterrupt:
        print("\nEnded.")
    except (AirflowError, EmbeddedError, OSError, psycopg2.Error) as e:
        print(f"airflow: {' '.join(str(e).split())}", file=sys.stderr)
        sys.exit(1)


def _run(env: Mapping[str, str]) -> None:
    var = Path(env.get("NEWSREC_VAR") or "var").absolute()
    port = _port(env)
    with _only_one(var / "airflow"), _database(var, env) as server:
        home = Home(var, server, port)
        home.prepare()
        told = home.environment(env)
        home.write_environment(told)
        print("Preparing Airflow's database …", flush=True)
        programs.migrate(home, told)
        with programs.running(home, told) as processes:
            programs.wait_until_healthy(home, processes)
            password = home.password_file.read_text(encoding="utf-8").strip()
            print(f"Airflow:  {home.url}/   user {USER}, password {password}")
            print(f"Logs:     {home.folder}")
            print("A DAG starts by itself once it is unpaused. Ctrl-C ends.", flush=True)
            while True:
                programs.raise_if_ended(home, processes)
                time.sleep(1)


def _port(env: Mapping[str, str]) -> int:
    text = env.get("AIRFLOW_PORT") or "8080"
    if not (text.isdigit() and 0 < int(text) < 65536):
        raise AirflowError(f"AIRFLOW_PORT must be a port, not {text!r}")
    try:
        socket.create_server(("127.0.0.1", int(text))).close()
    except OSError as e:
        raise AirflowError(f"port {text} is taken (AIRFLOW_PORT=8081 chooses another)") from e
    return int(text)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise AirflowError(f"another Airflow runs in {folder}") from e
        yield


@contextmanager
def _database(var: Path, env: Mapping[str, str]) -> Iterator[str]:
    """URL of newsrec's database, with Airflow's beside it; what was started here is stopped."""
    embedded, ours = Embedded(var / "postgres"), False
    if not (url := _given(env)):
        ours = not embedded.running()
        url = embedded.start()
    try:
        migrate.upgrade(url)
        parts = urlsplit(url)
        ensure_database(urlunsplit((*parts[:2], "/postgres", *parts[3:])), DATABASE)
        yield url
    finally:
        if ours:
            with suppress(EmbeddedError):
                embedded.stop()


def _given(env: Mapping[str, str]) -> str | None:
    if url := env.get("DATABASE_URL"):
        return url
    file = env.get("DATABASE_URL_FILE")
    return Path(file).read_text(encoding="utf-8").strip() if file else None


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
