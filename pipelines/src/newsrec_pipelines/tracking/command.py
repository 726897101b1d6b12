"""`newsrec tracking`: send what trackers have not got, and open MLflow's page."""

import os
import socket
import sys

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import NewsrecError
from newsrec_pipelines.tracking import sending
from newsrec_pipelines.tracking.outbox import Outbox
from newsrec_pipelines.tracking.record import ids


@click.group()
def tracking() -> None:
    """Records of runs: in the store, and in the trackers of TRACKERS."""


@tracking.command()
@click.pass_obj
def sync(ctx: Context) -> None:
    """Send what a tracker has not got yet, and wait for it, TRACKING_LIMIT seconds at most."""
    settings = ctx.settings
    if not settings.tracking.trackers:
        click.echo("TRACKERS is none: records stay in the store")
        return
    missing = sending.send(settings, settings.tracking.limit_seconds)
    total = len(ids(ctx.store))
    for name in settings.tracking.trackers:
        left = len(Outbox(ctx.store, name, settings).unsent())
        click.echo(
            f"{name}: lacks {left} of {total} records"
            if left
            else f"{name}: has all {total} records"
        )
    if missing:
        logs = ", ".join(str(sending.log(settings, name)) for name in missing)
        raise NewsrecError(f"{' and '.join(missing)} has not got everything: see {logs}")


@tracking.command()
@click.option("--port", default=5000, envvar="MLFLOW_PORT", show_default=True)
@click.pass_obj
def page(ctx: Context, port: int) -> None:
    """Serve MLflow's page on loopback until Ctrl-C, with all that was recorded."""
    uri = ctx.settings.tracking.mlflow_uri
    if uri.startswith("http"):
        raise NewsrecError(f"MLflow is a server already: open {uri}")
    if not ids(ctx.store):
        raise NewsrecError(f"nothing was recorded yet: run make demo (looked in {ctx.store.url})")
    _refuse_taken(port)
    click.echo("Brings MLflow up to date; then it takes some 15 s to start.")
    only = ctx.settings.tracking.model_copy(update={"trackers": ("mlflow",)})
    settings = ctx.settings.model_copy(update={"tracking": only})
    if sending.send(settings, only.limit_seconds):
        click.echo(f"It lacks some records: see {sending.log(settings, 'mlflow')}", err=True)
    click.echo(f"http://127.0.0.1:{port}  Ctrl-C ends.")
    sys.stdout.flush()
    command = (
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1"),
    )
    # Without the runner of jobs, which nobody here needs, it takes half a GB instead of one.
    env = {
        **sending.QUIET,
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": uri,  # not as an argument: it may hold a password
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": only.mlflow_artifacts,
    }
    # In place of this process, so that whoever ends it ends the server.
    os.execve(sys.executable, command, env)


def _refuse_taken(port: int) -> None:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError as e:
            raise NewsrecError(
                f"port {port} is taken ({e.strerror}): MLFLOW_PORT=5001 is another"
            ) from e
