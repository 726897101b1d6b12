"""Names of Beam runners to runners: never Beam's own choice."""

from collections.abc import Iterable
from functools import partial

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import create_runner

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.etl.pipeline import run_pipeline
from newsrec_pipelines.etl.run import Pipeline


def bound_pipeline(name: str, flags: Iterable[str] = ()) -> Pipeline:
    """The pipeline on a runner.

    Args:
        name: ``FnApiRunner`` (this process), ``DirectRunner`` (one process a core), or any
            distributed runner that Beam knows, e.g. ``FlinkRunner``.
        flags: Beam's options for it, such as ``flink_master=host:8081``.

    Raises:
        ConfigError: when Beam does not know the runner, or for a mode that loses data.
    """
    # Beam would infer the types of our few steps anew for every day, which takes longer than a
    # small day's work.
    options = ["--no_pipeline_type_check", *(f"--{flag.removeprefix('--')}" for flag in flags)]
    if any("multi_threading" in o for o in options):
        raise ConfigError("Beam's multi_threading mode loses rows; use multi_processing")
    if name == "FnApiRunner":
        return partial(run_pipeline, FnApiRunner(), PipelineOptions(options))
    if name == "DirectRunner":
        options += ["--direct_running_mode=multi_processing", "--direct_num_workers=0"]
    try:
        runner = create_runner(name)
    except ValueError as e:
        raise ConfigError(f"Beam knows no runner {name!r}") from e
    return partial(run_pipeline, runner, PipelineOptions(options))
