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

from workshop.course.steps import ROOT, Step
from workshop.errors import WorkshopError
from workshop.judging.advice import hints_for
from workshop.judging.explain import UNFINISHED, Outcome
from workshop.judging.printed import Printed, printed_between
from workshop.learner.folder import copy_for_checks
from workshop.learner.surroundings import handed_in
from workshop.probes.checking import Kind

# Seconds that one check may take. The slowest takes one on an old laptop; WORKSHOP_TIME_LIMIT
# is for machines that are slower still.
TIME_LIMIT = float(os.environ.get("WORKSHOP_TIME_LIMIT", "10"))
# Seconds that Python may take to import pytest and the checks: a cold disk is slow.
START_LIMIT = 60.0
# Bytes that the learner's code may print during one run; beyond, it is stopped.
OUTPUT_LIMIT = 4 * 1024 * 1024
# What a debugger asks of the terminal.
TERMINAL = ("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "PYTHON_COLORS")
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
    kind: Kind = Kind.CHECK
    # What Python warned of meanwhile, and what the learner's code printed.
    warned: tuple[str, ...] = field(default=(), repr=False)
    printed: Printed = field(default=Printed(), repr=False)

    @property
    def cause(self) -> tuple[object, ...]:
        """What failed checks have in common when the same thing made them fail."""
        if self.outcome == "passed":
            return (self.id,)
        if self.kind is not Kind.CHECK:
            # What was called differs from check to check; the line that raised does not.
            return (self.file, self.line, self.kind)
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
        """The first check that did not pass; one that says something of the app, if there is."""
        failed = [check for check in self.checks if check.outcome != "passed"]
        telling = [c for c in failed if c.kind not in (Kind.NOT_RUN, Kind.WORKSHOP)]
        return next(iter(telling or failed), None)

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


def check_ids(step: Step) -> list[str]:
    """The checks of a step, in order, read off their module without running it."""
    module = ast.parse(step.checks.read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = [node.name for node in module.body if isinstance(node, functions)]
    return [name.removeprefix("test_") for name in names if name.startswith("test_")]


def debug_check(step: Step, app: Path, check: str, *, database_url: str | None = None) -> Report:
    """Run one check in this terminal, where a debugger can be typed into, and without a limit."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="workshop-", ignore_cleanup_errors=True) as scratch:
        run = _Run(step, app, Path(scratch).resolve(), database_url, check, False)
        checks = run.in_this_terminal()
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
                    self._record(check, "error", text, kind=Kind.NOT_RUN)
                break
        return [self.results[check["id"]] for check in self.known if check["id"] in self.results]

    def in_this_terminal(self) -> list[CheckResult]:
        """Let the worker have the terminal, and read its events afterwards."""
        events = self.scratch / "events"
        command = self._command(self.scratch / "output", self.scratch / "stacks", None)
        command += ["--events", str(events), "--original", str(self.app.resolve())]
        terminal = {name: os.environ[name] for name in TERMINAL if name in os.environ}
        process = subprocess.Popen(command, cwd=self.scratch, env=self._environment() | terminal)
        while True:
            try:
                process.wait()
                break
            except KeyboardInterrupt:
                continue  # it is meant for the debugger, which has got it too
        for line in events.read_text("utf-8").splitlines() if events.exists() else ():
            event = json.loads(line)
            if event["event"] == "collected":
                self._know(event["checks"])
            elif event["event"] == "end":
                self._record_end(self.known[0], event)
        for check in self.known:
            if check["id"] not in self.results:
                self._record(check, UNFINISHED.outcome, UNFINISHED.message, kind=UNFINISHED.kind)
        return list(self.results.values())

    def _know(self, checks: list[dict[str, Any]]) -> None:
        self.known = self.known or [c for c in checks if self.only in (None, c["id"])]

    def _record_end(self, check: dict[str, Any], event: dict[str, Any]) -> None:
        self._record(check, **{k: event[k] for k in event if k not in ("event", "id")})

    def _environment(self) -> dict[str, str]:
        environment = worker_environment(self.copy)
        if self.database_url:
            environment["WORKSHOP_SERVER_URL"] = self.database_url
        return environment

    def _one_failed(self) -> bool:
        return any(result.outcome != "passed" for result in self.results.values())

    def _run_worker(self, on_start: Callable[[], None] | None) -> bool:
        """Run the checks that have no verdict yet; False if the worker was stopped or died."""
        attempt = len(list(self.scratch.glob("output*")))
        output = self.scratch / f"output{attempt}"
        stacks = self.scratch / f"stacks{attempt}"
        command = self._command(output, stacks, TIME_LIMIT)
        worker = _Worker(command, self.scratch, self._environment())
        if on_start:
            on_start()
        try:
            return self._listen(worker, output, stacks)
        finally:
            worker.kill()

    def _command(self, output: Path, stacks: Path, limit: float | None) -> list[str]:
        command = [sys.executable, "-X", "utf8", "-m", "workshop.judging.worker"]
        command += [str(self.step.checks), str(self.copy)]
        command += ["--session", self.step.name, "--output", str(output), "--stacks", str(stacks)]
        if limit is not None:
            command += ["--limit", str(limit)]
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
                    self._know(event["checks"])
                case "start":
                    current = next(c for c in self.known if c["id"] == event["id"])
                    current["output"] = (output, event["printed"])
                    deadline = time.monotonic() + (current["seconds"] or TIME_LIMIT)
                case "end":
                    assert current is not None
                    size = output.stat().st_size if output.exists() else 0
                    if size > OUTPUT_LIMIT:
                        self._record_flood(current, size)
                        return False
                    self._record_end(current, event)
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
        kind: Kind = Kind.CHECK,
        warned: Sequence[str] = (),
        printed: int | None = None,
    ) -> None:
        file, _, symbol = (check["at"] if at is None else at).partition(":")
        passed = outcome == "passed"
        hints = hints_for(kind, check["hints"])
        output, start = check.get("output", (None, 0))
        self.results[check["id"]] = CheckResult(
            id=check["id"],
            title=check["title"],
            outcome=outcome,
            message=message,
            hint=hints[0] if hints and not passed else "",
            file=None if passed else file,
            line=None if passed or not file else line or line_of(self.app / file, symbol),
            hints=hints,
            trace=trace or [],
            seconds=seconds,
            kind=Kind(kind),
            warned=tuple(warned),
            printed=printed_between(output, start, printed, self.copy) if output else Printed(),
        )

    def _record_flood(self, check: dict[str, Any], size: int) -> None:
        text = (
            f"Your code printed {size / 1e6:.0f} MB and was stopped. "
            "Take the print out, or log less: a server writes a line for a request, not more."
        )
        self._record(check, "error", text, kind=Kind.ENDED)

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
        kind = Kind.LOOP if place else Kind.WAIT
        self._record(check, "timeout", text, at=at, line=line, seconds=limit, kind=kind)

    def _record_death(self, check: dict[str, Any] | None, worker: "_Worker", output: Path) -> None:
        if check is None:
            printed = output.read_text("utf-8", "replace") if output.exists() else ""
            raise WorkshopError(
                f"The checks of step {self.step.number} could not be run (exit status "
                f"{worker.returncode()}).\n{printed[-2000:]}".rstrip()
            )
        self._record(check, UNFINISHED.outcome, UNFINISHED.message, kind=UNFINISHED.kind)

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


def worker_environment(app: Path | None = None) -> dict[str, str]:
    """The environment variables of a worker that runs the checks of an app."""
    # No PYTHONDONTWRITEBYTECODE: the copy of the app is loaded anew for every check, and compiled
    # once is several times faster.
    return handed_in(app) | {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


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

    def __init__(self, command: list[str], scratch: Path, environment: dict[str, str]) -> None:
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
