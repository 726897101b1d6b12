"""`python -m newsrec_hooks` checks the settings, then becomes gunicorn."""

import os
import sys
from typing import NoReturn

from newsrec_hooks.settings import Settings, SettingsError, whole_number


def main() -> NoReturn:
    """Serve until a signal ends it; wrong settings end it with one line and status 1."""
    try:
        Settings.from_env(os.environ)
        for name, default in (("HOOKS_PORT", 8090), ("THREADS", 4)):
            whole_number(os.environ, name, default)
    except SettingsError as e:
        sys.exit(f"newsrec-hooks: {e}")
    command = [sys.executable, "-m", "gunicorn", "-c", "python:newsrec_hooks.gunicorn_conf"]
    os.execv(sys.executable, [*command, "newsrec_hooks.bootstrap:app()"])


if __name__ == "__main__":
    main()
