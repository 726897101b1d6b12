"""Airflow's settings on one machine: its own database, one user, everything below one folder."""

import json
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = REPOSITORY / ".venv-airflow" / "bin"
DATABASE = "airflow"
USER = "admin"
# Of the environment, what a task's result may depend on.
_TOLD = ("AIRFLOW", "NEWSREC", "DATABASE_URL", "STORE_URL", "GIT_COMMIT", "PATH")


@dataclass(frozen=True)
class Home:
    """Where Airflow lives.

    Attributes:
        var: Local state of newsrec; Airflow's is in ``airflow`` below it.
        server: URL of a database on the PostgreSQL server that holds Airflow's, too.
        port: Of the page and the API, on loopback.
    """

    var: Path
    server: str
    port: int
    database: str = DATABASE

    @property
    def folder(self) -> Path:
        """AIRFLOW_HOME."""
        return self.var / "airflow"

    @property
    def url(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password_file(self) -> Path:
        """Of the user `admin`; services/hooks logs in with it."""
        return self.var / "secrets" / "airflow_password"

    def prepare(self) -> None:
        """Make the folder and the secrets, once, readable by their owner only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        password = _secret(self.password_file)
        # Airflow reads its users' passwords from this one.
        _write_private(self.folder / "passwords.json", json.dumps({USER: password}) + "\n")
        _secret(self.folder / "jwt_secret")
        # What the mailer signs its links with; the demo makes it, too.
        _secret(self.var / "secrets" / "link_secret")

    def write_environment(self, env: Mapping[str, str]) -> None:
        """Keep ``env``, a file to source: with it, `airflow` on the command line is this one."""
        names = sorted(n for n in env if n.startswith(_TOLD))
        lines = [f"export {name}={shlex.quote(env[name])}\n" for name in names]
        _write_private(self.folder / "env", "".join(lines))

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """What Airflow's programs are told; a variable of Airflow's in `env` is left as it is."""
        parts = urlsplit(self.server)
        database = urlunsplit(("postgresql+psycopg2", parts.netloc, f"/{self.database}", "", ""))
        ours = {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "pipelines" / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            # Each is a process from the start.
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(
                self.folder / "passwords.json"
            ),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            # Made once: tokens outlive a restart, and all programs know the same.
            "AIRFLOW__API_AUTH__JWT_SECRET": _secret(self.folder / "jwt_secret"),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        others = {k: v for k, v in env.items() if not k.startswith(("VIRTUAL_ENV", "PYTHON"))}
        path = f"{PROGRAMS}{os.pathsep}{env.get('PATH', os.defpath)}"
        return {**ours, **others, "PATH": path, "NEWSREC_VAR": str(self.var)}


def _secret(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.is_file():
        _write_private(file, secrets.token_urlsafe(32) + "\n")
    return file.read_text(encoding="utf-8").strip()


def _write_private(file: Path, text: str) -> None:
    partial = file.with_name(f"{file.name}.part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
        f.write(text)
    partial.replace(file)
