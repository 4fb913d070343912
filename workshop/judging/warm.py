"""Workers that start at once: copies of a process that has imported what checks need.

Importing takes longer than most checks. Whoever runs hundreds of steps, as the tests of the checks
and `nox -s mutants` do, runs them `with warm.workers():`. Where there is no `fork`, that changes
nothing.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from workshop.course.steps import ROOT
from workshop.judging import runner

# What checks and solutions import; never the app, which every worker loads from its own folder.
PRELOADED = (
    "aiosqlite",
    "alembic.command",
    "alembic.autogenerate.api",
    "bcrypt",
    "email_validator",
    "fastapi.middleware.cors",
    "fastapi_offline",
    "grimp",
    "httpx2",
    "pydantic_settings",
    "pytest",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "workshop.probes.architecture",
    "workshop.judging.worker",
)
# Bytes of a request: the environment is most of it.
REQUEST_LIMIT = 1024 * 1024


@contextmanager
def workers() -> Generator[None]:
    """Let `run_checks` start its workers as copies of one process, within this block."""
    if not hasattr(os, "fork"):
        yield
        return
    before = runner.start_process
    with _Server() as server:
        runner.start_process = server.start
        try:
            yield
        finally:
            runner.start_process = before


class _Server:
    """The process that is copied; `start` may be called by several threads."""

    def __init__(self) -> None:
        self._here, there = socket.socketpair()
        self._turn = threading.Lock()
        command = [sys.executable, "-X", "utf8", "-m", "workshop.judging.warm", str(there.fileno())]
        environment = runner.worker_environment()
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, pass_fds=[there.fileno()]
        )
        there.close()

    def __enter__(self) -> "_Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._here.close()
        self._process.wait()

    def start(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> "_Copy":
        """Start `python … -m workshop.judging.worker ARGUMENTS` as a copy."""
        arguments = command[command.index("workshop.judging.worker") + 1 :]
        request = {"arguments": arguments, "cwd": str(folder), "environment": dict(environment)}
        events, write_end = os.pipe()
        try:
            with self._turn:
                socket.send_fds(self._here, [json.dumps(request).encode()], [write_end])
                pid = int(self._here.recv(64))
        finally:
            os.close(write_end)
        return _Copy(pid, os.fdopen(events, "rb"))


class _Copy:
    """A worker: as much of a `Popen` as `runner` needs."""

    def __init__(self, pid: int, stdout: BinaryIO) -> None:
        self.pid = pid
        self.stdout = stdout

    def wait(self) -> None:
        """Wait for its end. Its status is unknown: it is not a child of ours."""
        with suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, 0)
                time.sleep(0.002)


def serve(connection: socket.socket) -> None:
    """Make a copy of this process for each request, until the other side is closed."""
    for name in PRELOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
    while True:
        data, files, _, _ = socket.recv_fds(connection, REQUEST_LIMIT, 1)
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become_worker(json.loads(data), files[0])
        os.close(files[0])
        connection.sendall(str(pid).encode())


def _become_worker(request: dict[str, Any], events: int) -> NoReturn:
    from workshop.judging import worker

    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environment"])
        os.dup2(events, 1)
        os.close(events)
        sys.argv = ["worker", *request["arguments"]]
        worker.main()
    finally:
        os._exit(1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
