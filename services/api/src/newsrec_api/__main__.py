"""`python -m newsrec_api` checks the settings, then becomes gunicorn."""

import os
import sys
from typing import NoReturn

from newsrec_api.settings import Settings, SettingsError, whole_number


def main() -> NoReturn:
    """Serve until a signal ends it; wrong settings end it with one line and status 1."""
    try:
        Settings.from_env(os.environ)
        for name, default in (("PORT", 8000), ("WORKERS", 2), ("THREADS", 1)):
            whole_number(os.environ, name, default)
    except SettingsError as e:
        sys.exit(f"newsrec-api: {e}")
    command = [sys.executable, "-m", "gunicorn", "-c", "python:newsrec_api.gunicorn_conf"]
    os.execv(sys.executable, [*command, "newsrec_api.bootstrap:app()"])


if __name__ == "__main__":
    main()
