"""`newsrec demo`: run the loop, show one slate, serve the page; and the next run after it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

import click
from rich.console import Console

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.demo import loop, programs, show
from newsrec_pipelines.demo.state import demo_state, load
from newsrec_pipelines.errors import NewsrecError
from newsrec_pipelines.settings import Settings


@click.command()
@click.option("--port", default=8000, envvar="PORT", show_default=True, help="Of the API.")
@click.option("--serve/--no-serve", default=True, help="Serve the page until Ctrl-C.")
@click.option("--next-run", is_flag=True, help="Only bring in the clicks made on the page.")
@click.pass_obj
def demo(ctx: Context, port: int, serve: bool, next_run: bool) -> None:
    """Run the whole loop on a simulated world for two days, then serve it."""
    console = Console(highlight=False)
    ctx = _with_database(ctx)
    folder = ctx.settings.var / "demo"
    if next_run:
        if not load(folder, ctx.params_file).done:
            raise NewsrecError("there is nothing to go on from: run make demo first")
        _next_run(console, ctx)
        return
    with demo_state(folder, ctx.params_file) as state:
        began = time.monotonic()
        with programs.trackers_afterwards(ctx.settings):
            for step in loop.steps(ctx.settings, ctx.params.world, port):
                if step.name not in state.done:
                    with _timed(console, step.title):
                        step.run()
                    state.done.append(step.name)
                    state.save()
        console.print(f"[bold]The loop took {time.monotonic() - began:.0f} s[/bold]\n")
        _serve(console, ctx, port, serve)


def _with_database(ctx: Context) -> Context:
    """Start the embedded server unless another is given, and read the settings again."""
    programs.ensure_secrets(ctx.settings)
    programs.program("newsrec-db", "start", env={"NEWSREC_VAR": str(ctx.settings.var)})
    return replace(ctx, settings=Settings.from_env(os.environ))


def _serve(console: Console, ctx: Context, port: int, serve: bool) -> None:
    served = loop.served_day(ctx.params.world)
    with programs.api(ctx.settings, port, _world_time(ctx)) as process:
        show.slate_of_one_reader(console, ctx, port)
        show.places(console, ctx, served - timedelta(days=1), port)
        if not serve:
            return
        console.print(
            "Click an article there, then `make next-run` in another terminal: it is gone."
        )
        console.print("Ctrl-C ends.")
        try:
            status = process.wait()
        except KeyboardInterrupt:
            console.print("\nEnded. `make demo` serves again, `make clean` removes everything.")
        else:
            raise NewsrecError(
                f"the API ended with status {status}: {programs.api_log(ctx.settings)}"
            )


def _next_run(console: Console, ctx: Context) -> None:
    now = _world_time(ctx)
    served = loop.served_day(ctx.params.world)
    days = [str(served + timedelta(days=n)) for n in range((now.date() - served).days + 1)]
    stages = [(stage, "--date", day) for day in days for stage in ("export", "etl")]
    for args in (*stages, ("recommend", "--date", days[-1], "--as-of", now.isoformat())):
        with _timed(console, " ".join(args)):
            programs.stage(*args)


def _world_time(ctx: Context) -> datetime:
    """The time in the served world: its morning, or a minute after the last event reported.

    The API's clock ticks while it serves; between two servings the world stands still.
    """
    morning = datetime.combine(loop.served_day(ctx.params.world), time_of_day(8), UTC)
    with connect(ctx.settings.require_database_url(), "newsrec_reader") as conn, conn.cursor() as c:
        c.execute("SELECT max(received_at) FROM event_inbox")
        row = c.fetchone()
    return max(morning, row[0] + timedelta(minutes=1)) if row and row[0] else morning


@contextmanager
def _timed(console: Console, title: str) -> Iterator[None]:
    console.print(f"[bold]▸ {title}[/bold]")
    began = time.monotonic()
    yield
    console.print(f"  [dim]{time.monotonic() - began:.1f} s[/dim]")
