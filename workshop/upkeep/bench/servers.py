"""What runs beside the bench: uvicorn and the load generator. All of it ends with its block."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from workshop.course.steps import ROOT, SOLUTION
from workshop.errors import WorkshopError
from workshop.probes.learner_app import SETTINGS
from workshop.upkeep.bench import interrupts
from workshop.upkeep.bench.load import Stream, as_job

START_LIMIT = 60.0
STOP_LIMIT = 10.0
_ADDRESS = re.compile(r"running on http://127\.0\.0\.1:(\d+)")


@dataclass
class Served:
    """An application that answers on a port of this computer."""

    name: str
    pid: int
    log: Path
    workers: int = 1

    @cached_property
    def port(self) -> int:
        """Where it answers; waits until it does."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            text = self.log.read_text("utf-8", "replace")
            address = _ADDRESS.search(text)
            if address and text.count("Application startup complete") == self.workers:
                return int(address[1])
            if "Traceback" in text:
                break
            time.sleep(0.02)
        text = self.log.read_text("utf-8", "replace")[-2000:]
        raise WorkshopError(f"The bench could not start {self.name}:\n{text}")

    def cpu_seconds(self) -> float | None:
        """How long its threads have had a processor; None where the system does not say.

        Linux does, to the nanosecond. Over the requests it tells the work that each makes, whatever
        else the computer does meanwhile.
        """
        try:
            tasks = list(Path(f"/proc/{self.pid}/task").iterdir())
            told = [Path(task, "schedstat").read_text("ascii") for task in tasks]
            return sum(int(text.split()[0]) for text in told) / 1e9
        except (OSError, IndexError):
            return None


@contextmanager
def serving(
    name: str, app: str, database_url: str, *, workers: int = 1, rounds: int = 4
) -> Generator[Served]:
    """Serve an application by uvicorn on a free port until the block ends.

    It comes back at once; whoever asks for the port waits until there is an answer.
    """
    settings = {"DATABASE_URL": database_url, "BCRYPT_ROUNDS": str(rounds)}
    command = [sys.executable, "-m", "uvicorn", app, "--port", "0", "--workers", str(workers)]
    command += ["--app-dir", str(SOLUTION)]
    # No application with a line for each request, neither uvicorn's nor the solution's own.
    settings["LOG_LEVEL"] = "WARNING"
    command.append("--no-access-log")
    with tempfile.TemporaryDirectory(prefix="workshop-bench-") as folder:
        log = Path(folder, "log")
        with (
            log.open("wb") as output,
            process(command, settings, stdout=output, stderr=output) as running,
        ):
            yield Served(name, running.pid, log, workers)


class Load:
    """The load generator's process."""

    def __init__(self, running: "subprocess.Popen[bytes]") -> None:
        self._process = running

    def put_on(
        self, port: int, *streams: Stream, seconds: float, warm_up: float
    ) -> list[dict[str, float]]:
        """Put load on a server, and return what became of each stream."""
        job = json.dumps(as_job(port, seconds, warm_up, *streams))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(job.encode() + b"\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise WorkshopError("The load generator has ended: see its error above.")
        return json.loads(line)


@contextmanager
def load_generator() -> Generator[Load]:
    """Start the load generator; it ends with the block."""
    command = [sys.executable, "-m", "workshop.upkeep.bench.load"]
    with process(command, {}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        yield Load(running)


@contextmanager
def process(
    command: list[str],
    settings: dict[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Generator["subprocess.Popen[bytes]"]:
    """Run a program in an empty folder until the block ends, and end what it started with it."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | settings
    with tempfile.TemporaryDirectory(prefix="workshop-bench-") as folder:
        running: subprocess.Popen[bytes] | None = None
        try:
            with interrupts.held_back():
                running = subprocess.Popen(
                    command,
                    cwd=folder,  # an empty one: a developer's `.env` has no say
                    env=environment,
                    start_new_session=True,  # Ctrl-C is for the bench, which ends the others
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                )
            yield running
        finally:
            if running is not None:
                with interrupts.held_back():
                    _end(running)


def _end(running: "subprocess.Popen[bytes]") -> None:
    if running.stdin is not None:
        with suppress(OSError):
            running.stdin.close()
    running.terminate()
    try:
        running.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
    finally:
        if os.name != "nt":  # what a worker's parent left behind
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(running.pid, signal.SIGKILL)
