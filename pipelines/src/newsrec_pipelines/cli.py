"""The command line: one subcommand per stage, each imported only when it is called."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from newsrec_common import log_lines
from newsrec_common.errors import SettingsError
from newsrec_pipelines.commands import COMMANDS, GROUPS
from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import NewsrecError
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.stage_metrics import Recorder
from newsrec_pipelines.store import is_unreachable


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        recorder = Recorder()
        try:
            done = super().invoke(ctx)
        except click.exceptions.Exit as e:
            if e.exit_code:  # 0 is somebody who asked for the help of a stage
                _record(ctx, recorder, succeeded=False)
            raise
        except BaseException:
            _record(ctx, recorder, succeeded=False)
            raise
        _record(ctx, recorder, succeeded=True)
        return done

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the registry: asking each command for its help would import every stage.
        width = max(map(len, COMMANDS), default=0)
        for group in GROUPS:
            lines = [(n.ljust(width), c.line) for n, c in COMMANDS.items() if c.group == group]
            if lines:
                with formatter.section(group):
                    formatter.write_dl(lines)


def _record(ctx: click.Context, recorder: Recorder, *, succeeded: bool) -> None:
    stage = ctx.invoked_subcommand
    command = COMMANDS.get(stage or "")
    if stage and command and not command.by_hand and isinstance(ctx.obj, Context):
        recorder.record(ctx.obj.settings, stage, ctx.obj.metrics, succeeded=succeeded)


@click.command(cls=_LazyGroup, context_settings={"max_content_width": 120})
@click.option(
    "--params",
    "params_file",
    type=click.Path(path_type=Path),
    default=Path("params.yaml"),
    show_default=True,
    envvar="NEWSREC_PARAMS",
    help="What changes a result.",
)
@click.pass_context
def app(ctx: click.Context, params_file: Path) -> None:
    """newsrec: from raw files to ten articles for every reader."""
    ctx.obj = Context(Settings.from_env(os.environ), params_file)


def main(argv: list[str] | None = None) -> Any:
    """Run one stage. What a user can cause becomes one line on standard error and exit status 1."""
    try:
        log_lines.install(os.environ, "newsrec", "newsrec-pipelines")
        return app(argv, prog_name="newsrec")
    except (NewsrecError, SettingsError) as e:
        print(f"newsrec: {e}", file=sys.stderr)
        return sys.exit(1)
    except OSError as e:
        # A full disk, a folder without rights: files are opened everywhere, and all mean the same.
        where = f"{e.filename}: " if e.filename else ""
        print(f"newsrec: {where}{e.strerror or e}", file=sys.stderr)
        return sys.exit(1)
    except Exception as e:
        if not is_unreachable(e):
            raise
        print(f"newsrec: the store cannot be reached: {' '.join(str(e).split())}", file=sys.stderr)
        return sys.exit(1)


if __name__ == "__main__":
    main()
