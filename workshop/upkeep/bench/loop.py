"""The learner's loop, beside bare pytest: how long a step's checks take from command to verdict."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from workshop.course import stages
from workshop.course.steps import ROOT, Step, load_steps
from workshop.errors import WorkshopError
from workshop.learner import journey, migrations
from workshop.learner.folder import Folder
from workshop.upkeep.bench.figures import Figure, Part, compare
from workshop.upkeep.bench.servers import process

# Seconds for all rounds. On a slow computer there are fewer; every step gets equally many.
BUDGET = 330.0
RUN_LIMIT = 120.0
# What `-X importtime` writes: "import time:   self [us] | cumulative | imported package".
_IMPORT = re.compile(r"^import time:\s*\d+ \|\s*\d+ \|\s*(?P<name>[\w.]+)$", re.MULTILINE)
# The workshop's own modules and the app's: what the bench measures. The rest is anybody's.
OURS = ("workshop", "app", "test_", "__main__", "alembic_version", "sitecustomize")
EMPTY_TEST = """import importlib
from contextlib import suppress

for name in {names!r}:
    with suppress(ImportError):
        importlib.import_module(name)


def test_empty():
    pass
"""


def measure(rounds: int, numbers: Iterable[int], tell: Callable[[str], None]) -> Part:
    """Measure these steps in turns: their checks, and bare pytest on an empty test."""
    steps = [step for step in load_steps() if not numbers or step.number in numbers]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workshop-bench-")))
        runs: dict[str, list[str]] = {}
        for step in steps:
            tell(f"what step {step.number} imports")
            runs[f"step {step.number}"] = _check(step, folder)
            runs[f"bare {step.number}"] = _bare(step, folder)
        if _has_nox():
            runs["nox"] = _nox(steps[0], folder)
        seconds = _timed(runs, rounds, tell)
    return Part("loop", _figures(steps, seconds), _notes(seconds))


def _check(step: Step, folder: Path) -> list[str]:
    app = Folder(folder / f"app{step.number}")
    app.place(stages.done(step.number))
    if step.slug == journey.APPLY:
        migrations.upgrade(app)
    return [sys.executable, "-m", "workshop", "check", str(step.number), "--app", str(app.root)]


def _nox(step: Step, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "nox", "-f", str(ROOT / "noxfile.py"), "-s", step.name]
    return [*command, "--", "--app", str(folder / f"app{step.number}")]


def _bare(step: Step, folder: Path) -> list[str]:
    """Bare pytest on an empty test that imports what the checks of the step import."""
    test = folder / f"test_empty_{step.number}.py"
    test.write_text(EMPTY_TEST.format(names=_imports(step, folder)), "utf-8")
    options = [f"--rootdir={folder}", f"--config-file={os.devnull}", "-q", "-pno:cacheprovider"]
    return [sys.executable, "-m", "pytest", *options, str(test)]


def _imports(step: Step, folder: Path) -> list[str]:
    """Every module of others that a run of the checks imports, in its order."""
    copy, log = folder / f"copy{step.number}", folder / "imports"
    Folder(copy).place(stages.done(step.number))
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "workshop.judging.worker",
        str(step.checks),
    ]
    command += [str(copy), "--limit", str(RUN_LIMIT), "--output", str(log)]
    log.write_bytes(b"")
    _run([*command, "--stacks", str(folder / "stacks")], log)
    names = _IMPORT.findall(log.read_text("utf-8", "replace"))
    if not names:
        raise WorkshopError(f"The imports of step {step.number} could not be found out.")
    return [name for name in dict.fromkeys(names) if not name.startswith(OURS)]


def _run(command: list[str], log: Path) -> int:
    # Appended to: the worker has its own handle on the same file.
    with log.open("ab") as output:
        environment = {"WORKSHOP_VENV": sys.prefix, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        with process(command, environment, stdout=output, stderr=output) as running:
            try:
                return running.wait(RUN_LIMIT)
            except subprocess.TimeoutExpired:
                text = f"{' '.join(command)} took more than {RUN_LIMIT:.0f} seconds."
                raise WorkshopError(text) from None


def _timed(
    runs: dict[str, list[str]], rounds: int, tell: Callable[[str], None]
) -> dict[str, list[float]]:
    """How long each run took, round by round. The first round warms up the caches of the disk."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    deadline = time.monotonic() + BUDGET
    for number in range(rounds + 1):
        tell(f"round {number} of {rounds}" if number else "a round to warm up")
        began = time.monotonic()
        for name, command in runs.items():
            started = time.perf_counter()
            with tempfile.TemporaryDirectory(prefix="workshop-bench-") as folder:
                log = Path(folder, "log")
                if _run(command, log):
                    printed = log.read_text("utf-8", "replace")[-2000:]
                    raise WorkshopError(f"`{' '.join(command)}` failed:\n{printed}")
                elapsed = time.perf_counter() - started
            if number:
                seconds[name].append(elapsed)
        now = time.monotonic()
        if number and now + (now - began) > deadline:
            break
    return seconds


def _figures(steps: list[Step], seconds: dict[str, list[float]]) -> list[Figure]:
    figures = [
        compare(
            f"step {step.number}",
            seconds[f"step {step.number}"],
            "bare pytest",
            seconds[f"bare {step.number}"],
            "s",
        )
        for step in steps
    ]
    if "nox" in seconds:
        first = f"step {steps[0].number}"
        name = f"nox -s {steps[0].name}"
        figures.append(compare(name, seconds["nox"], "without nox", seconds[first], "s"))
    return figures


def _notes(seconds: dict[str, list[float]]) -> list[str]:
    rounds = len(next(iter(seconds.values())))
    return [
        f"Warm, from the command to its end, {rounds} rounds in turns. The app of each step is the "
        "finished one.",
        "Bare pytest runs one empty test that imports the same modules of others.",
    ]


def _has_nox() -> bool:
    return importlib.util.find_spec("nox") is not None
