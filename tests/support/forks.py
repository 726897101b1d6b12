"""Runs programs as forks of one process that has imported everything: a small day costs its work.

Each call is a process of its own, with its own arguments, environment, folder and exit status. Only
the imports are shared, which on a small world take ten times as long as the stages themselves.
Run by the Python of the program's environment, so it imports nothing but the standard library.
It stays because the fork server of `multiprocessing` serves only the process that started it: here
tasks of Airflow call a program by its path, with a status and output of its own.
"""

import importlib
import json
import os
import runpy
import signal
import socket
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_CLIENT = """import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = {{"argv": [sys.argv[0], *sys.argv[1:]], "env": dict(os.environ), "cwd": os.getcwd()}}
    data = json.dumps(call).encode()
    socket.send_fds(server, [len(data).to_bytes(8, "big")], [1, 2])
    server.sendall(data)
    status = server.recv(1)
sys.exit(status[0] if status else 70)
"""
_START_SECONDS = 300.0


@contextmanager
def forking(
    python: Path, entry: str, preload: Path, program: Path, env: Mapping[str, str]
) -> Iterator[None]:
    """Make `program`, a command that calls `entry`, and serve it.

    Args:
        python: of the environment.
        entry: ``module:function``, called without arguments, as a console script is.
        preload: a file of Python that imports what calls will need; run once.
        program: the file to make.
        env: of the process that imports; each call brings its own besides.
    """
    # The server, which runs this file in another environment, has no other module of the tests.
    from support.scripts import first_lines

    program.parent.mkdir(parents=True, exist_ok=True)
    address, log = program.with_suffix(".sock"), program.with_suffix(".log")
    program.write_text(first_lines("-SE") + _CLIENT.format(address=str(address)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(python), "-P", __file__, str(address), entry, str(preload)],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not address.exists():
            assert server.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < deadline, f"{entry} is not imported: {log}"
            time.sleep(0.05)
        yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _serve(address: str, entry: str, preload: str) -> None:
    runpy.run_path(preload)
    module, _, function = entry.partition(":")
    main = getattr(importlib.import_module(module), function)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{address}.part")
    server.listen()
    os.rename(f"{address}.part", address)  # noqa: PTH104 - nobody connects before it listens
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            _wait_for_child(connection, main)
        connection.close()


def _wait_for_child(connection: socket.socket, main: object) -> None:
    """In a fork: read the call, run it in another one, and tell its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, fds, _, _ = socket.recv_fds(connection, 8, 2)
    data = b""
    while len(data) < int.from_bytes(head, "big"):
        data += connection.recv(65536)
    if (pid := os.fork()) == 0:
        connection.close()
        _run(json.loads(data), fds, main)
    _, ended = os.waitpid(pid, 0)
    status = os.waitstatus_to_exitcode(ended)
    connection.sendall(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


def _run(call: dict, fds: list[int], main: object) -> None:
    os.dup2(fds[0], 1)
    os.dup2(fds[1], 2)
    os.environ.update(call["env"])
    os.chdir(call["cwd"])
    sys.argv = call["argv"]
    status = 1
    try:
        status = main() or 0
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else int(e.code is not None)
        if isinstance(e.code, str):
            print(e.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
