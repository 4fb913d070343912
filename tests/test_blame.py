"""A report blames the step at fault before anything else, and tells one cause once."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from workshop.commands.terminal import print_report
from workshop.course import stages
from workshop.course.steps import ROOT, find_step
from workshop.judging.runner import CheckResult, Report, run_checks
from workshop.learner.folder import Folder


def printed(report: Report) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, emoji=False, markup=False)
    print_report(console, report, ROOT / "backend", hint=1, verbose=False)
    return out.getvalue()


def failed(name: str, message: str, file: str, line: int) -> CheckResult:
    hints = ("Think.", "Look.", "Write.")
    title = f"{name} works."
    return CheckResult(name, title, "failed", message, hints[0], file, line, hints)


def test_the_earlier_step_is_named_before_the_details(tmp_path: Path) -> None:
    app = Folder(tmp_path / "backend")
    app.place(stages.done(3))
    text = stages.done(3)["app/db/session.py"].decode()
    app.replace({"app/db/session.py": text.replace("import logging", "import logg1ng").encode()})
    said = " ".join(printed(run_checks(find_step(3), app.root)).split())
    blame = said.index("The cause is in app/db/session.py, which belongs to step 2: ")
    assert blame < said.index("There is no package logg1ng")
    assert "step2 looks at it more closely." in said
    assert "backend/app/db/session.py:3" in said


def test_the_own_step_is_not_blamed() -> None:
    report = Report(find_step(2), [failed("engine", "No.", "app/db/session.py", 3)], 0.1)
    assert "belongs to step" not in printed(report)


def test_a_registry_is_not_blamed_by_the_step_that_adds_to_it() -> None:
    report = Report(find_step(4), [failed("registry", "No.", "app/db/base.py", 1)], 0.1)
    assert "belongs to step" not in printed(report)


@pytest.mark.parametrize(
    ("message", "line", "told"), [("No.", 3, True), ("Neither.", 3, False), ("No.", 4, False)]
)
def test_the_same_cause_is_marked_in_the_list(message: str, line: int, told: bool) -> None:
    file = "app/db/session.py"
    checks = [failed("engine", "No.", file, 3), failed("session", message, file, line)]
    said = printed(Report(find_step(2), checks, 0.1))
    assert ("session works.  (same cause)" in said) is told
    assert "engine works.  (same" not in said
