"""Running the checks of a step: a worker process at a time, watched from outside.

The worker runs the learner's code and can end in any way. Whatever happens, every check gets a
verdict within its time limit, and a check that did not run to its end is never passed.
"""

import ast
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from workshop.course.steps import ROOT, Step, owner_of
from workshop.errors import WorkshopError
from workshop.judging.explain import UNFINISHED, Outcome
from workshop.learner.folder import copy_for_checks

# Seconds that one check may take. The slowest takes one on an old laptop; WORKSHOP_TIME_LIMIT
# is for machines that are slower still.
TIME_LIMIT = float(os.environ.get("WORKSHOP_TIME_LIMIT", "10"))
# Seconds that Python may take to import pytest and the checks: a cold disk is slow.
START_LIMIT = 60.0
# Bytes that the learner's code may print during one run; beyond, it is stopped.
OUTPUT_LIMIT = 4 * 1024 * 1024
# Checks that may hang or kill the worker before the others are given up.
MAX_BROKEN = 2

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<name>.+)')


@dataclass
class CheckResult:
    """One check's verdict, as `--json` prints it."""

    id: str
    title: str
    outcome: Outcome
    message: str = ""
    hint: str = ""
    file: str | None = None
    line: int | None = None
    hints: tuple[str, ...] = field(default=(), repr=False)
    trace: list[str] = field(default_factory=list[str], repr=False)
    seconds: float = 0.0

    @property
    def blamed(self) -> Step | None:
        """The step that the file at fault belongs to."""
        return owner_of(self.file) if self.file else None

    @property
    def cause(self) -> tuple[object, ...]:
        """What failed checks have in common when the same thing made them fail."""
        if self.outcome == "passed":
            return (self.id,)
        return (self.file, self.line, self.message)


@dataclass
class Report:
    """The verdicts on a step."""

    step: Step
    checks: list[CheckResult]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the step holds: there were checks, and all passed."""
        return bool(self.checks) and all(check.outcome == "passed" for check in self.checks)

    @property
    def first_failed(self) -> CheckResult | None:
        """The first check that did not pass."""
        return next((check for check in self.checks if check.outcome != "passed"), None)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        passed = sum(check.outcome == "passed" for check in self.checks)
        keys = ("id", "title", "outcome", "message", "hint", "file", "line")
        return {
            "step": self.step.number,
            "slug": self.step.slug,
            "ok": self.ok,
            "passed": passed,
            "failed": len(self.checks) - passed,
            "seconds": round(self.seconds, 2),
            "checks": [{key: asdict(check)[key] for key in keys} for check in self.checks],
        }


def run_checks(
    step: Step,
    app: Path,
    *,
    database_url: str | None = None,
    only: str | None = None,
    stop_at_first: bool = False,
    on_start: Callable[[], None] | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Run the checks of a step, or `only` one of them, against the app in a folder.

    With `stop_at_first` the checks behind the first that fails are left out.
    `database_url` names a PostgreSQL server on which every check gets a database of its own.
    `on_start` is called once the worker runs, for work that can be done meanwhile.
    Once `stop` is set, the checks end with a KeyboardInterrupt, as they do after Ctrl-C.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="workshop-", ignore_cleanup_errors=True) as scratch:
        run = _Run(step, app, Path(scratch).resolve(), database_url, only, stop_at_first)
        run.stop = stop
        checks = run.until_every_check_has_a_verdict(on_start)
    return Report(step, checks, time.perf_counter() - started)


class _Run:
    """One run of a step's checks, over as many workers as it takes."""

    def __init__(
        self,
        step: Step,
        app: Path,
        scratch: Path,
        database_url: str | None,
        only: str | None,
        stop_at_first: bool,
    ) -> None:
        self.step = step
        self.app = app
        self.copy = scratch / "app"
        self.scratch = scratch
        self.database_url = database_url
        self.only = only
        self.stop_at_first = stop_at_first
        self.known: list[dict[str, Any]] = []
        self.results: dict[str, CheckResult] = {}
        self.stop: threading.Event | None = None
        copy_for_checks(app, self.copy)

    def until_every_check_has_a_verdict(
        self, on_start: Callable[[], None] | None
    ) -> list[CheckResult]:
        broken = 0
        while True:
            ended_well = self._run_worker(on_start)
            on_start = None
            waiting = [check for check in self.known if check["id"] not in self.results]
            if ended_well or not waiting or (self.stop_at_first and self._one_failed()):
                break
            broken += 1
            if broken >= MAX_BROKEN:
                for check in waiting:
                    text = "Not run: the checks before it did not come to an end."
                    self._record(check, "error", text)
                break
        return [self.results[check["id"]] for check in self.known if check["id"] in self.results]

    def _one_failed(self) -> bool:
        return any(result.outcome != "passed" for result in self.results.values())

    def _run_worker(self, on_start: Callable[[], None] | None) -> bool:
        """Run the checks that have no verdict yet; False if the worker was stopped or died."""
        attempt = len(list(self.scratch.glob("output*")))
        output = self.scratch / f"output{attempt}"
        stacks = self.scratch / f"stacks{attempt}"
        worker = _Worker(self._command(output, stacks), self.scratch, self.database_url)
        if on_start:
            on_start()
        try:
            return self._listen(worker, output, stacks)
        finally:
            worker.kill()

    def _command(self, output: Path, stacks: Path) -> list[str]:
        command = [sys.executable, "-X", "utf8", "-m", "workshop.judging.worker"]
        command += [str(self.step.checks), str(self.copy)]
        command += ["--limit", str(TIME_LIMIT), "--output", str(output), "--stacks", str(stacks)]
        waiting = [check["id"] for check in self.known if check["id"] not in self.results]
        for check in [self.only] if self.only else waiting:
            command += ["--only", check]
        return [*command, "--stop-at-first"] if self.stop_at_first else command

    def _listen(self, worker: "_Worker", output: Path, stacks: Path) -> bool:
        current: dict[str, Any] | None = None
        deadline = time.monotonic() + START_LIMIT
        while True:
            if self.stop and self.stop.is_set():
                raise KeyboardInterrupt
            event = worker.next_event(0.05)
            if event is None:
                size = output.stat().st_size if output.exists() else 0
                if size > OUTPUT_LIMIT and current:
                    self._record_flood(current, size)
                    return False
                if time.monotonic() > deadline:
                    self._record_timeout(current, stacks)
                    return False
                continue
            match event["event"]:
                case "collected":
                    self.known = self.known or [
                        check for check in event["checks"] if self.only in (None, check["id"])
                    ]
                case "start":
                    current = next(c for c in self.known if c["id"] == event["id"])
                    deadline = time.monotonic() + (current["seconds"] or TIME_LIMIT)
                case "end":
                    assert current is not None
                    size = output.stat().st_size if output.exists() else 0
                    if size > OUTPUT_LIMIT:
                        self._record_flood(current, size)
                        return False
                    self._record(
                        current, **{k: event[k] for k in event if k not in ("event", "id")}
                    )
                    current = None
                    deadline = time.monotonic() + START_LIMIT
                case "done":
                    return all(check["id"] in self.results for check in self.known)
                case _:  # the worker is gone
                    self._record_death(current, worker, output)
                    return False

    def _record(
        self,
        check: dict[str, Any],
        outcome: Outcome,
        message: str,
        at: str | None = None,
        line: int | None = None,
        trace: list[str] | None = None,
        seconds: float = 0.0,
    ) -> None:
        file, _, symbol = (at or check["at"]).partition(":")
        passed = outcome == "passed"
        self.results[check["id"]] = CheckResult(
            id=check["id"],
            title=check["title"],
            outcome=outcome,
            message=message,
            hint="" if passed else check["hints"][0],
            file=None if passed else file,
            line=None if passed else line or line_of(self.app / file, symbol),
            hints=tuple(check["hints"]),
            trace=trace or [],
            seconds=seconds,
        )

    def _record_flood(self, check: dict[str, Any], size: int) -> None:
        text = (
            f"Your code printed {size / 1e6:.0f} MB and was stopped. "
            "Take the print out, or log less: a server writes a line for a request, not more."
        )
        self._record(check, "error", text)

    def _record_timeout(self, check: dict[str, Any] | None, stacks: Path) -> None:
        if check is None:
            raise WorkshopError(
                "The checks did not start within a minute. Is the machine very busy? Run the same "
                "command again; `nox -s doctor` looks for what may be wrong."
            )
        limit = check["seconds"] or TIME_LIMIT
        place = self._learners_place(stacks)
        where = f" It was in {place[2]}() at the end." if place else ""
        text = (
            f"Stopped after {limit:.0f} seconds: your code did not come to an end.{where} "
            "Look for a loop that never ends or a wait for something that never happens."
        )
        at, line = (place[0], place[1]) if place else (None, None)
        self._record(check, "timeout", text, at=at, line=line, seconds=limit)

    def _record_death(self, check: dict[str, Any] | None, worker: "_Worker", output: Path) -> None:
        if check is None:
            printed = output.read_text("utf-8", "replace") if output.exists() else ""
            raise WorkshopError(
                f"The checks of step {self.step.number} could not be run (exit status "
                f"{worker.returncode()}).\n{printed[-2000:]}".rstrip()
            )
        self._record(check, UNFINISHED.outcome, UNFINISHED.message)

    def _learners_place(self, stacks: Path) -> tuple[str, int, str] | None:
        """Where the learner's code was when time ran out: the innermost of their frames."""
        if not stacks.exists():
            return None
        for match in _FRAME.finditer(stacks.read_text("utf-8", "replace")):
            file = Path(match["file"])
            if file.is_relative_to(self.copy):
                path = file.relative_to(self.copy).as_posix()
                return path, int(match["line"]), match["name"]
        return None


def worker_environment() -> dict[str, str]:
    """The environment variables of a worker."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    # The copy of the app is loaded anew for every check: compiled once is several times faster.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


class Process(Protocol):
    """A worker's process, in a session of its own."""

    pid: int

    @property
    def stdout(self) -> IO[bytes] | None:
        """Its events."""
        ...

    def wait(self) -> int | None:
        """Wait for its end, and return its exit status if that is known."""
        ...


def _start_process(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Process:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that what the learner's code starts can be ended with it
    )


# How a worker is started. `warm.workers()` knows a quicker way.
start_process: Callable[[Sequence[str], Path, Mapping[str, str]], Process] = _start_process


class _Worker:
    """The worker process: its events, and its end."""

    def __init__(self, command: list[str], scratch: Path, server_url: str | None) -> None:
        environment = worker_environment()
        if server_url:
            environment["WORKSHOP_SERVER_URL"] = server_url
        self._process = start_process(command, scratch, environment)
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def next_event(self, timeout: float) -> dict[str, Any] | None:
        """The next event; None if there was none within `timeout` seconds."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None

    def returncode(self) -> int | None:
        """The exit status of the process, which has ended."""
        return self._process.wait()

    def kill(self) -> None:
        """End the process and everything that it started."""
        if os.name == "nt":
            command = ["taskkill", "/T", "/F", "/PID", str(self._process.pid)]
            subprocess.run(command, capture_output=True, check=False)
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as events:
            for line in events:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # a line cut off by the end of the process
                self._events.put(event)
        self._events.put({"event": "gone"})


def line_of(file: Path, symbol: str) -> int | None:
    """The line on which a module defines a name (`Settings`, or `UserService.create_user`)."""
    try:
        scope: list[ast.stmt] = ast.parse(file.read_text("utf-8-sig")).body
    except (OSError, SyntaxError, ValueError):
        return None
    line: int | None = None
    for name in symbol.split(".") if symbol else []:
        node = next((node for node in scope if name in _names(node)), None)
        if node is None:
            break
        line = node.lineno
        scope = getattr(node, "body", [])
    return line


def _names(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign():
            return {target.id for target in node.targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()
