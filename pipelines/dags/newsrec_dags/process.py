"""A stage as a process beside Airflow, in the environment of the pipelines."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from newsrec_dags import told

_USAGE_ERROR = 2  # click's and argparse's: the same command never succeeds
_GRACE_SECONDS = 30.0  # a stage that is asked to end leaves nothing half done


class ProcessStage(BaseOperator):
    """Runs one command line to its end; its output becomes the task's log.

    Args:
        program: Path of the program.
        arguments: Of the command line; templates.
        folder: Working directory.
        question: Exit status 99 means "no": the task is skipped, and with it what follows.
        not_in_backfill: Skip when the past is played again.
    """

    template_fields: Sequence[str] = ("arguments",)

    def __init__(
        self,
        *,
        program: str,
        arguments: list[str],
        folder: str,
        question: bool = False,
        not_in_backfill: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.program = program
        self.arguments = arguments
        self.folder = folder
        self.question = question
        self.not_in_backfill = not_in_backfill
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Mapping[str, Any]) -> None:
        """Run the stage.

        Raises:
            AirflowException: when it fails; AirflowFailException when it would fail again.
            AirflowSkipException: when the answer is no, or in a back-fill.
        """
        told.before(self, context)
        last = ""
        self.log.info("running %s %s", self.program, " ".join(self.arguments))
        try:
            self._process = subprocess.Popen(
                [*_dying_with_us(), self.program, *self.arguments],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            for line in self._process.stdout or ():
                last = line.rstrip() or last
                self.log.info(line.rstrip())
            status = self._process.wait()
        except OSError as e:
            raise AirflowException(f"{self.program} cannot be started: {e}") from e
        finally:
            # Also when the time is over, which Airflow says by an exception.
            self.on_kill()
        if status == told.NO and self.question:
            raise AirflowSkipException(last)
        if status == _USAGE_ERROR:
            raise AirflowFailException(last)
        if status != 0:
            raise AirflowException(f"exit status {status}: {last}")
        told.after(self, context)

    def on_kill(self) -> None:
        """Ask the stage and its children to end, and end them when they do not."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _environment() -> dict[str, str]:
    """Ours without what is Airflow's: its database, its Python."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "_AIRFLOW", "PYTHON", "VIRTUAL_ENV"))
    }


def _dying_with_us() -> list[str]:
    """When Airflow is killed, nobody is left to end the stage, and a second one may be started."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
