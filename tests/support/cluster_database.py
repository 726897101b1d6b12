"""A real PostgreSQL that is set up as in the cluster: by the very SQL and commands of k8s/."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import yaml

from newsrec_db import migrate
from newsrec_db.embedded import Embedded, binary
from support.cluster import K8S, Object

# What the Secrets hold, by the names in which the containers find it.
PASSWORDS = {
    "OWNER_PASSWORD": "of-the-owner",
    "AIRFLOW_PASSWORD": "of-airflow",
    "API_PASSWORD": "of-the-api",
    "MAILER_PASSWORD": "of-the-mailer",
    "PIPELINES_PASSWORD": "of-the-pipelines",
    "EXPORTER_PASSWORD": "of-the-exporter",
    "MLFLOW_PASSWORD": "of-mlflow",
}
LOGINS = {
    "newsrec_owner": "OWNER_PASSWORD",
    "airflow": "AIRFLOW_PASSWORD",
    "login_api": "API_PASSWORD",
    "login_mailer": "MAILER_PASSWORD",
    "login_pipelines": "PIPELINES_PASSWORD",
    "login_exporter": "EXPORTER_PASSWORD",
    "mlflow": "MLFLOW_PASSWORD",
}
_MIGRATIONS = K8S / "base" / "migrations"
_POSTGRES = K8S / "components" / "postgres"


class ClusterDatabase:
    """One server; `url` is a login's, and without one the superuser's."""

    def __init__(self, server: Embedded) -> None:
        self._server = server

    def url(self, login: str | None = None, database: str = "newsrec") -> str:
        parts = urlsplit(self._server.url())
        netloc = parts.netloc
        if login:
            netloc = f"{login}:{PASSWORDS[LOGINS[login]]}@{netloc.rpartition('@')[2]}"
        return urlunsplit((parts.scheme, netloc, f"/{database}", "", ""))

    def start(self) -> None:
        """A new, empty volume: what the image's entrypoint does with databases.sql."""
        self._server.start()
        # The embedded server makes a database of this name for laptops.
        run([str(binary("dropdb")), "--maintenance-db", self.url(database="postgres"), "newsrec"])
        self.first_start()

    def first_start(self) -> "subprocess.CompletedProcess[str]":
        """Run databases.sql as the superuser, as /docker-entrypoint-initdb.d is run."""
        script = str(_POSTGRES / "databases.sql")
        options = ("-v", "ON_ERROR_STOP=1", "--no-password", "--no-psqlrc", "-f", script)
        return run([str(binary("psql")), *options, self.url(database="postgres")])

    def migrations(self, **passwords: str) -> "subprocess.CompletedProcess[str]":
        """The Job: the migrations as the owner, then its command for the logins."""
        owner = self.url("newsrec_owner")
        migrate.upgrade(owner)
        job = yaml.safe_load((_MIGRATIONS / "job.yaml").read_text(encoding="utf-8"))
        (logins,) = job["spec"]["template"]["spec"]["containers"]
        return run(
            command_of(logins, {"/etc/newsrec": _MIGRATIONS}), DATABASE_URL=owner, **passwords
        )


def command_of(container: Object, mounts: dict[str, Path]) -> list[str]:
    """Its command line, with what it mounts found elsewhere."""
    line = [*container["command"], *container["args"]]
    for path, folder in mounts.items():
        assert any(m["mountPath"] == path for m in container["volumeMounts"])
        line = [part.replace(path, str(folder)) for part in line]
    return line


def run(command: list[str], **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of a container of PostgreSQL's image."""
    programs = binary("psql").parent
    env = {"PATH": f"{programs}:{os.defpath}", "PGCONNECT_TIMEOUT": "10", **PASSWORDS, **env}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done
