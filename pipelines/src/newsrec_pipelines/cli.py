"""The command line: one subcommand per stage, each imported only when it is called."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from newsrec_common import log_lines
from newsrec_common.errors import SettingsError
from newsrec_pipelines.config import Settings
from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import NewsrecError
from newsrec_pipelines.stage_metrics import Recorder
from newsrec_pipelines.store import is_unreachable

# name -> module:attribute. Stages import Beam, Feast or scikit-learn, which take seconds.
_COMMANDS = {
    "import": "newsrec_pipelines.datasets.command:import_group",
    "simulate": "newsrec_pipelines.datasets.world.command:simulate",
    "export": "newsrec_pipelines.datasets.command:export",
    "etl": "newsrec_pipelines.etl.command:etl",
    "materialize": "newsrec_pipelines.features.command:materialize",
    "train": "newsrec_pipelines.training.command:train",
    "evaluate": "newsrec_pipelines.evaluation.command:evaluate",
    "backtest": "newsrec_pipelines.evaluation.backtest_command:backtest",
    "recommend": "newsrec_pipelines.scoring.command:recommend",
    "explain": "newsrec_pipelines.scoring.explain_command:command",
    "check": "newsrec_pipelines.monitoring.check_command:check",
    "monitor": "newsrec_pipelines.monitoring.command:monitor",
    "gate": "newsrec_pipelines.gate.command:gate",
    "models": "newsrec_pipelines.operations.models_command:models",
    "data": "newsrec_pipelines.operations.data_command:data",
    "condition": "newsrec_pipelines.operations.condition_command:condition",
    "build-model": "newsrec_pipelines.operations.build_command:build_model",
    "new-model": "newsrec_pipelines.operations.new_model_command:new_model",
    "variants": "newsrec_pipelines.operations.variants_command:variants",
    "experiment": "newsrec_pipelines.experiment.command:experiment",
    "baselines": "newsrec_pipelines.experiment.baselines_command:baselines",
    "tracking": "newsrec_pipelines.tracking.command:tracking",
    "demo": "newsrec_pipelines.demo.command:demo",
}
# Those that a person asks and waits for. All others are stages, which tell Prometheus how they did.
_BY_HAND = frozenset(
    {
        "build-model",
        "data",
        "demo",
        "experiment",
        "explain",
        "models",
        "new-model",
        "tracking",
        "variants",
    }
)


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
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
        # Only names: asking each command for its help would import every stage.
        with formatter.section("Commands"):
            formatter.write_text(", ".join(_COMMANDS))


def _record(ctx: click.Context, recorder: Recorder, *, succeeded: bool) -> None:
    stage = ctx.invoked_subcommand
    if stage in _COMMANDS and stage not in _BY_HAND and isinstance(ctx.obj, Context):
        recorder.record(ctx.obj.settings, stage, ctx.obj.metrics, succeeded=succeeded)


@click.command(cls=_LazyGroup)
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
