"""What a maintainer runs: the tests, the linters, the type checker."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from workshop.course.steps import ROOT, SOLUTION
from workshop.upkeep import needs

LINTERS: dict[str, list[str]] = {
    "ruff format": ["ruff", "format", "--check", "."],
    "ruff check": ["ruff", "check", "."],
    "pyright": ["pyright"],
    "import-linter": ["importlinter.cli", "lint"],
}


def verify(*, without_browser: bool = False) -> int:
    """Run everything that has to hold, once what the tests need is there."""
    needs.provide(with_browser=not without_browser)
    print(
        "The linters take half a minute, the tests ten to twenty minutes on two cores.", flush=True
    )
    status = max(run_lint(), _run_all_tests("not browser" if without_browser else ""))
    if without_browser:
        print("Left out, as asked: the tests that drive a browser.")
    return status


def run_tests(arguments: Sequence[str]) -> int:
    """Run pytest as told; on everything, with what it needs and on every core, unless told."""
    if arguments:
        return _timed("tests", [sys.executable, "-m", "pytest", *arguments])
    needs.provide(with_browser=True)
    return _run_all_tests()


def _run_all_tests(markers: str = "") -> int:
    # One process more than there are cores: a test often waits for what it has started.
    processes = str((os.cpu_count() or 1) + 1)
    return _timed("tests", [sys.executable, "-m", "pytest", "-n", processes, "-m", markers])


def run_lint() -> int:
    """Run every linter, also after one of them has failed."""
    return max([_timed(name, _module(command)) for name, command in LINTERS.items()])


def _module(command: Sequence[str]) -> list[str]:
    if command[0] == "importlinter.cli":
        return [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
        ]
    return [sys.executable, "-m", *command]


def _timed(name: str, command: Sequence[str]) -> int:
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(SOLUTION), str(ROOT)])}
    status = subprocess.call(command, cwd=ROOT, env=environment)
    verdict = "ok" if status == 0 else f"failed with status {status}"
    print(f"{name}: {verdict} in {time.perf_counter() - started:.1f} s", flush=True)
    return status
