"""Options of commands that a person answers for: who did it, and why."""

import getpass
import os
from collections.abc import Callable
from typing import Any

import click


def recorded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--by`` and ``--why``, which the command gets as `by` and `why`."""
    by = click.option("--by", default=_user, help="Who wants it.  [default: the user]")
    why = click.option("--why", default="by hand", show_default=True, help="In words.")
    return by(why(command))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"
