"""Runs the ETL in processes that kill themselves: `python -m support.etl_program`.

Reads ``database-url store-url step`` from standard input, a line at a time; forks a process that
runs two days and kills itself after that step of the second; answers with its exit status. Beam is
imported once for all of them.
"""

import os
import signal
import sys

from newsrec_pipelines.db import connect
from newsrec_pipelines.etl.run import Etl
from newsrec_pipelines.etl.runners import bound_pipeline
from newsrec_pipelines.etl.runs import only_one
from newsrec_pipelines.store import Store
from support.etl import DAY, NEXT, params


def run_until(url: str, store_url: str, last_step: str) -> None:
    """Run both days, or die."""
    with connect(url, "newsrec_etl") as conn, only_one(conn):
        etl = Etl(conn, Store(store_url), params(), bound_pipeline("FnApiRunner"))
        for day in (DAY, NEXT):
            for step in etl.day(day):
                if day == NEXT and step == last_step:
                    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            run_until(*line.strip().split(" ", 2))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
