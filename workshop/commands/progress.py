"""`nox -s progress`: every step measured, two at a time, and told as it comes."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.text import Text

from workshop.commands.layout import print_hanging, print_text
from workshop.commands.terminal import make_console, print_progress
from workshop.course.steps import Step, load_steps
from workshop.judging.runner import Report, run_checks
from workshop.learner.folder import Folder
from workshop.learner.workplace import Workplace


def begun(folder: Folder) -> list[Step]:
    """The steps of which the app has a file."""
    return [
        step
        for step in load_steps()
        if any(folder.has(path) for path in step.writes or step.brings)
    ]


def measure(
    steps: Iterable[Step],
    app: Path,
    database_url: str | None,
    tell: Callable[[Report], object] = lambda _report: None,
) -> list[Report]:
    """Run the checks of some steps, and tell each report in the order of the steps.

    Ctrl-C ends the checks that run, and starts no others.
    """
    stop = threading.Event()

    def run(step: Step) -> Report:
        return run_checks(step, app, database_url=database_url, stop=stop)

    reports: list[Report] = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        try:
            for report in pool.map(run, steps):
                tell(report)
                reports.append(report)
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return reports


def show(place: Workplace, app: Path, database_url: str | None) -> list[Report]:
    """Measure, with a line that changes on a terminal and a line for each step elsewhere."""
    console = make_console()
    steps = begun(place.folder)
    if place.note:
        print_text(console, place.note)
    plural = "s" if len(steps) != 1 else ""
    print_text(console, f"Running the checks of {len(steps)} step{plural} …")
    live = console.status("", spinner_style="dim") if console.is_terminal and steps else None
    done: list[Report] = []

    def tell(report: Report) -> None:
        done.append(report)
        if live is None:
            _print_line(console, report)
        else:
            live.update(Text(f"{len(done)} of {len(steps)} measured", "dim"))

    with _shown(live):
        reports = measure(steps, place.folder.root, database_url, tell)
    print_progress(console, reports, app)
    return reports


def _shown(live: Status | None) -> AbstractContextManager[Any]:
    return nullcontext() if live is None else live


def _print_line(console: Console, report: Report) -> None:
    mark = "✓" if report.ok else "✗"
    passed = sum(check.outcome == "passed" for check in report.checks)
    print_hanging(
        console,
        Text(f"  {mark} {report.step.number:>2} "),
        Text(f"{report.step.slug}: {passed} of {len(report.checks)} checks pass"),
    )
    console.file.flush()


def as_json(reports: list[Report]) -> dict[str, Any]:
    """The object that `--json` prints."""
    measured = {report.step.number: report.as_json() for report in reports}
    steps = [
        measured.get(step.number, {"step": step.number, "slug": step.slug, "ok": False})
        for step in load_steps()
    ]
    return {"done": sum(step["ok"] for step in steps), "of": len(steps), "steps": steps}
