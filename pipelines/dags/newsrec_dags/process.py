"""A stage as a process beside Airflow, in the environment of the pipelines."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from newsrec_dags import operators

_USAGE_ERROR = 2  # click's and argparse's: the same command never succeeds
_PR_SET_PDEATHSIG = 1  # of Linux's prctl(2)
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
        operators.before(self, context)
        self.log.info("running %s %s", self.program, " ".join(self.arguments))
        with _ending_with_the_supervisor():
            status, last = self._run()
        if status == operators.NO and self.question:
            raise AirflowSkipException(last)
        if status == _USAGE_ERROR:
            raise AirflowFailException(last)
        if status != 0:
            raise AirflowException(f"exit status {status}: {last}")
        operators.after(self, context)

    def on_kill(self) -> None:
        """Ask the stage to end; called from a signal's handler, so nobody waits here."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def _run(self) -> tuple[int, str]:
        """Exit status, and the last line of the output."""
        last = ""
        try:
            self._process = process = subprocess.Popen(
                [*_ending_with_us(), self.program, *self.arguments],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as e:
            raise AirflowException(f"{self.program} cannot be started: {e}") from e
        try:
            for line in process.stdout or ():
                last = line.rstrip() or last
                self.log.info(line.rstrip())
            return process.wait(), last
        finally:
            # When its time is over, Airflow says so by an exception.
            self._end(process)

    def _end(self, process: "subprocess.Popen[str]") -> None:
        self.on_kill()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def _ending_with_the_supervisor() -> Iterator[None]:
    """A task outlives the worker that watches it, and goes on beside the one that replaces it.

    So we ask Linux for SIGTERM when our parent dies; Airflow's handler of it calls `on_kill`.
    """
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getppid()
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        if os.getppid() != parent:  # it died before we asked
            raise AirflowException("the worker that watches this task is gone")
        yield
    finally:
        libc.prctl(_PR_SET_PDEATHSIG, 0)


def _environment() -> dict[str, str]:
    """Ours without what is Airflow's: its database, its Python."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "_AIRFLOW", "PYTHON", "VIRTUAL_ENV"))
    }


def _ending_with_us() -> list[str]:
    """A task that is killed can end nothing any more: the stage ends with it, where it can."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
