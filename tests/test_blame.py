"""A report blames an earlier step only when that step is red, and tells one cause once."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from workshop.commands.terminal import print_report
from workshop.course import stages
from workshop.course.steps import ROOT, find_step
from workshop.judging.blame import Blame, find_blame
from workshop.judging.runner import CheckResult, Report, run_checks
from workshop.learner.folder import Folder
from workshop.probes.checking import Kind

pytestmark = pytest.mark.usefixtures("warm_workers")

CONFIG, SESSION, BASE = "app/core/config.py", "app/db/session.py", "app/db/base.py"


def printed(report: Report, *, verbose: bool = False, blame: Blame | None = None) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, emoji=False, markup=False)
    print_report(console, report, ROOT / "backend", hint=1, verbose=verbose, blame=blame)
    return out.getvalue()


def failed(name: str, message: str, file: str, line: int, kind: Kind = Kind.CHECK) -> CheckResult:
    hints = ("Think.", "Look.", "Write.")
    title = f"{name} works."
    return CheckResult(name, title, "failed", message, hints[0], file, line, hints=hints, kind=kind)


def app_with(step: int, folder: Path, path: str, find: str, replace: str) -> Path:
    app = Folder(folder / "backend")
    app.place(stages.done(step))
    text = stages.done(step)[path].decode()
    assert text.count(find) >= 1
    app.replace({path: text.replace(find, replace, 1).encode()})
    return app.root


def test_an_earlier_step_that_is_red_is_named_before_the_details(tmp_path: Path) -> None:
    app = app_with(3, tmp_path, SESSION, "import logging", "import logg1ng")
    report = run_checks(find_step(3), app, stop_at_first=True)
    blame = find_blame(report, app)
    assert blame is not None
    assert (blame.step, blame.file) == (find_step(2), SESSION)
    said = " ".join(printed(report, blame=blame).split())
    named = said.index("app/db/session.py is of step 2, which does not hold: ")
    assert named < said.index("There is no package logg1ng")
    assert "Mend it there first:" in said
    assert "backend/app/db/session.py:3" in said


def test_an_earlier_step_that_is_green_is_not_named(tmp_path: Path) -> None:
    # The file of step 1 does what step 1 asks; that the engine refuses the URL is of step 2.
    app = Folder(tmp_path / "backend")
    app.place(stages.done(2))
    report = Report(find_step(2), [failed("engine", "No.", CONFIG, 3)], 0.1)
    assert find_blame(report, app.root) is None


def test_an_earlier_step_that_is_red_elsewhere_is_not_named(tmp_path: Path) -> None:
    app = app_with(3, tmp_path, SESSION, "import logging", "import logg1ng")
    # Its checks fail in session.py, which explains nothing about config.py.
    report = Report(find_step(3), [failed("probe", "No.", CONFIG, 3)], 0.1)
    assert find_blame(report, app) is None


@pytest.mark.parametrize(
    ("step", "file"), [(2, SESSION), (4, BASE), (4, "app/of_my_own.py")], ids=str
)
def test_nothing_is_looked_up_that_is_no_earlier_steps(
    step: int, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workshop.judging.blame.run_checks", pytest.fail)
    report = Report(find_step(step), [failed("engine", "No.", file, 3)], 0.1)
    assert find_blame(report, tmp_path) is None


@pytest.mark.parametrize(
    ("message", "line", "told"), [("No.", 3, True), ("Neither.", 3, False), ("No.", 4, False)]
)
def test_the_same_cause_is_marked_in_the_list(message: str, line: int, told: bool) -> None:
    checks = [failed("engine", "No.", SESSION, 3), failed("session", message, SESSION, line)]
    said = printed(Report(find_step(2), checks, 0.1))
    assert ("session works.  (same cause)" in said) is told
    assert "engine works.  (same" not in said


def test_one_exception_is_one_cause_whatever_was_called() -> None:
    first = failed("engine", "It raises.\ncalled    a()", SESSION, 3, Kind.RAISED)
    second = failed("session", "It raises.\ncalled    b()", SESSION, 3, Kind.RAISED)
    assert "(same cause)" in printed(Report(find_step(2), [first, second], 0.1))


def test_a_check_that_did_not_run_has_a_mark_of_its_own_and_tells_nothing() -> None:
    silent = failed("first", "Not run: …", SESSION, 1, Kind.NOT_RUN)
    telling = failed("engine", "No.", SESSION, 3)
    report = Report(find_step(2), [silent, telling], 0.1)
    assert report.first_failed is telling
    said = printed(report)
    assert "· first works.  (not run)" in said
    assert "✗ engine works." in said
