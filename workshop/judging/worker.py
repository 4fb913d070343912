"""The process in which checks run: pytest, one check after another, an event a line on stdout.

It may hang, die or print megabytes at any moment, because it runs the learner's code; `runner`
watches it from outside. The learner's own output never reaches the events: file descriptors 1 and
2 are turned to a file before any of their code is loaded.
"""

import argparse
import asyncio
import faulthandler
import inspect
import json
import os
import pdb
import sys
import time
from collections.abc import Generator
from contextlib import suppress
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, TextIO

import pytest

from workshop.judging.evidence import Warned
from workshop.judging.explain import UNFINISHED, Breakpoint, Verdict, explain
from workshop.judging.tampering import Parts, parts_of, replaced
from workshop.probes.checking import CheckInfo, Kind, info_of
from workshop.probes.learner_app import LearnerApp

# What pytest would import or install for every run, and no check needs.
UNUSED_PLUGINS = (
    "cacheprovider",
    "debugging",
    "doctest",
    "faulthandler",
    "junitxml",
    "threadexception",
    "unraisableexception",
    "warnings",
)
# Seconds between the stack that is written down and the end of the time limit.
STACK_LEAD = 0.3
# The environment variable in which `runner` passes the URL of a database server.
SERVER_URL = "WORKSHOP_SERVER_URL"


class Plugin:
    """Gives checks their app, runs coroutines, and tells `runner` what happens."""

    def __init__(
        self,
        events: TextIO,
        output: Path,
        app: LearnerApp,
        session: str,
        only: set[str],
        stacks: Path,
        limit: float | None,
    ) -> None:
        self._events = events
        self._output = output
        self._app = app
        self._session = session
        self._only = only
        self._limit = limit
        self._stacks = stacks.open("w", encoding="utf-8")
        self._pid = os.getpid()
        self._parts: Parts = []

    @pytest.fixture
    def app(self) -> Generator[LearnerApp]:
        """The learner's app, in a clean environment."""
        with self._app.isolated():
            yield self._app

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Tell which checks there are; keep those that are asked for."""
        checks = [(item, info) for item in items if (info := _info(item)) is not None]
        self._tell(
            "collected",
            checks=[
                {"id": c.id, "title": c.title, "hints": c.hints, "at": c.at, "seconds": c.seconds}
                for _, c in checks
            ],
        )
        items[:] = [item for item, info in checks if not self._only or info.id in self._only]
        modules = [getattr(item, "module", pytest) for item in items]
        self._parts = parts_of([sys.modules[__name__], *modules])

    def pytest_report_teststatus(self) -> tuple[str, str, str]:
        """Print no dot for a check, which would stand in the middle of what the learner prints."""
        return "", "", ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run a check that is a coroutine, and close its connections in the same event loop."""
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        arguments = {
            name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters
        }
        asyncio.run(self._run(pyfuncitem.obj(**arguments)))
        return True

    async def _run(self, check: Any) -> None:
        try:
            await check
        finally:
            await self._app.dispose()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Tell when a check begins and ends, and write down the stack of one that hangs."""
        info = _info(item)
        assert info is not None
        self._tell("start", id=info.id, printed=self._printed())
        # What stands if nothing else is said: a check passes only when pytest says that it did.
        self._verdict = UNFINISHED
        if self._limit is not None:
            limit = max((info.seconds or self._limit) - STACK_LEAD, 0.1)
            faulthandler.dump_traceback_later(limit, file=self._stacks)
        started = time.perf_counter()
        with Warned(self._app) as self._warned:
            try:
                return (yield)
            finally:
                faulthandler.cancel_dump_traceback_later()
                if os.getpid() != self._pid:
                    os._exit(1)  # a copy of this process that the learner's code made
                self._tell(
                    "end",
                    id=info.id,
                    seconds=round(time.perf_counter() - started, 3),
                    warned=self._warned.found,
                    printed=self._printed(),
                    **self._verdict.as_event(),
                )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn the exception of a check into a verdict in plain words."""
        report = yield
        info = _info(item)
        if info is not None and (name := replaced(self._parts)) is not None:
            self._verdict = _tampered(name, info)
        elif call.excinfo is not None and info is not None:
            if self._verdict.outcome == "passed" or self._verdict is UNFINISHED:
                self._verdict = explain(call.excinfo.value, info, self._app, self._session)
                self._warned.look_closer(call.excinfo.value)
        elif call.when == "call" and report.passed:
            self._verdict = Verdict("passed")
        return report

    def _printed(self) -> int:
        """Bytes that were printed until now."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the learner's code may have closed or replaced it
                stream.flush()
        return self._output.stat().st_size

    def finish(self) -> None:
        """Say that every check was run."""
        self._tell("done")

    def _tell(self, event: str, **values: Any) -> None:
        if os.getpid() == self._pid:
            self._events.write(json.dumps({"event": event, **values}) + "\n")
            self._events.flush()


def _info(item: pytest.Item) -> CheckInfo | None:
    return info_of(getattr(item, "obj", None))


def _tampered(name: str, info: CheckInfo) -> Verdict:
    return Verdict(
        "failed",
        f"Your code replaced {name}, which belongs to the checks or to Python itself: "
        "what they would say of your app means nothing then. Leave it as it is.",
        info.at,
        kind=Kind.ENDED,
    )


def _stop_at_breakpoint(*_: object, **__: object) -> None:
    raise Breakpoint


class _LearnersLoader(SourceFileLoader):
    """Loads a module of the copy as if it stood in the learner's folder, for their debugger."""

    copy: Path
    original: Path

    def source_to_code(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, data: bytes, path: str, *, _optimization: int = -1
    ) -> CodeType:
        """Compile a module's source, with the name of the learner's own file."""
        own = self.original / Path(path).relative_to(self.copy)
        return compile(data, str(own), "exec", dont_inherit=True, optimize=_optimization)


def _show_originals(copy: Path, original: Path) -> None:
    """Let breakpoints in the learner's files stop the code of the copy."""
    _LearnersLoader.copy, _LearnersLoader.original = copy, original
    sys.dont_write_bytecode = True
    finder = FileFinder.path_hook((_LearnersLoader, SOURCE_SUFFIXES))

    def hook(folder: str) -> Any:
        if not Path(folder).is_relative_to(copy):
            raise ImportError
        return finder(folder)

    sys.path_hooks.insert(0, hook)


def main() -> None:
    """Run the checks of one module against a copy of the app, and leave without ceremony."""
    parser = argparse.ArgumentParser()
    parser.add_argument("checks", type=Path)
    parser.add_argument("app", type=Path)
    parser.add_argument("--session", required=True, help="what the learner types for these checks")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--limit", type=float, help="seconds; without it there is no limit")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--stacks", type=Path, required=True)
    parser.add_argument("--stop-at-first", action="store_true", help="end at the first failure")
    parser.add_argument("--events", type=Path, help="a file for them; stay in the terminal")
    parser.add_argument("--original", type=Path, help="the learner's folder, for a debugger")
    options = parser.parse_args()

    if options.events:
        events = options.events.open("w", encoding="utf-8")
        options.output.touch()
        _show_originals(options.app, options.original)
    else:
        events = _keep_stdout_for_events(options.output)
        sys.breakpointhook = pdb.set_trace = _stop_at_breakpoint
    # Not an argument: the list of processes shows those to everybody, and this has a password.
    app = LearnerApp(options.app, os.environ.pop(SERVER_URL, None), options.original)
    plugin = Plugin(
        events,
        options.output,
        app,
        options.session,
        set(options.only),
        options.stacks,
        options.limit,
    )
    pytest.main(
        [
            str(options.checks),
            f"--rootdir={options.checks.parent}",
            f"--config-file={os.devnull}",
            "--assert=plain",  # the checks use `expect`, and plain modules load from their cache
            "--capture=no",
            "-qqq",
            "--no-header",
            "--no-summary",
            *(["--exitfirst"] if options.stop_at_first else []),
            *[f"-pno:{plugin}" for plugin in UNUSED_PLUGINS],
        ],
        plugins=[plugin],
    )
    plugin.finish()
    # No ordinary exit: a thread that the learner's code left running would keep us waiting.
    os._exit(0)


def _keep_stdout_for_events(output: Path) -> TextIO:
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    # A line at a time, so that it is there however the process ends.
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = os.fdopen(number, "w", 1, "utf-8", errors="replace", closefd=False)
        setattr(sys, name, stream)
    return events


if __name__ == "__main__":
    main()
