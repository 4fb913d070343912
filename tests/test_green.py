"""Green is a moment to learn: what a learner reads when a step holds, and other right answers."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.workbench import run
from workshop.commands.terminal import print_report
from workshop.course import stages
from workshop.course.alternatives import load_alternatives
from workshop.course.steps import Step, find_step, load_steps
from workshop.judging.mistakes import avoided, load_mistakes
from workshop.judging.runner import CheckResult, Report
from workshop.learner.folder import Folder
from workshop.learner.standing import Standing, standing

STEPS = load_steps()
each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)


def app_with(files: stages.Files, folder: Path) -> Folder:
    app = Folder(folder / "backend")
    app.place(files)
    return app


def green(step: Step) -> Report:
    """The report on a step whose checks all passed."""
    checks = sorted({mistake.caught_by for mistake in load_mistakes(step)})
    return Report(step, [CheckResult(check, f"{check}.", "passed") for check in checks], 0.5)


def read_by_a_learner(report: Report, app: Folder, *, columns: int) -> list[str]:
    """The lines behind the list of checks."""
    printed = io.StringIO()
    console = Console(file=printed, width=columns, highlight=False, emoji=False, markup=False)
    print_report(console, report, app.root, hint=1, verbose=False)
    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    last = max(number for number, line in enumerate(lines) if line.startswith("  ✓"))
    return lines[last + 2 :]


# -- the mistakes that were not made


@each_step
def test_two_mistakes_of_different_checks_are_told(step: Step, tmp_path: Path) -> None:
    app = app_with(stages.done(step.number), tmp_path)
    first, second = avoided(green(step), app)
    assert first.caught_by != second.caught_by
    assert avoided(green(step), app) == [first, second]


def test_other_files_show_other_mistakes(tmp_path: Path) -> None:
    step = find_step(1)
    app = app_with(stages.done(1), tmp_path)
    seen = set(avoided(green(step), app))
    for number in range(10):
        app.replace({"app/core/config.py": f"# {number}\n".encode()})
        seen |= set(avoided(green(step), app))
    assert len(seen) > 4


def test_only_a_check_that_passed_says_that_a_mistake_was_not_made(tmp_path: Path) -> None:
    app = app_with(stages.done(1), tmp_path)
    report = green(find_step(1))
    for check in report.checks:
        check.outcome = "passed" if check.id == "password_is_not_shown" else "failed"
    assert [m.caught_by for m in avoided(report, app)] == ["password_is_not_shown"]


@each_step
def test_what_is_told_of_a_mistake_is_short_and_varied(step: Step) -> None:
    told = [mistake for mistake in load_mistakes(step) if mistake.what]
    assert len(told) >= 5
    assert len({mistake.caught_by for mistake in told}) >= 4
    for mistake in told:
        assert len(mistake.what) <= 72, mistake.what
        assert mistake.what[-1] not in ".!", mistake.what
        assert len(mistake.harm) <= 140, mistake.harm
        assert mistake.harm.endswith("."), mistake.harm


# -- the end of a green run


@each_step
def test_the_end_of_a_green_run_fits_a_terminal_of_24_lines(step: Step, tmp_path: Path) -> None:
    app = app_with(stages.done(step.number), tmp_path)
    app.replace({path: app.read(path) + b"# mine\n" for path in step.writes})
    lines = read_by_a_learner(green(step), app, columns=80)
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "Two mistakes that your code does not make:" in lines


@each_step
def test_a_narrow_terminal_breaks_no_command(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOX_CURRENT_SESSION", raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    app = app_with(stages.start(step.number), tmp_path)
    lines = read_by_a_learner(green(step), app, columns=44)
    assert max(map(len, lines)) <= 44
    commands = [line for line in lines if "-m workshop" in line]
    assert commands[-1] == lines[-1]
    assert [line.split()[-1] for line in commands[:-1]] == [
        *(["--diff"] if step.writes else []),
        "--another",
    ]


def test_our_answer_is_not_offered_to_who_has_it(tmp_path: Path) -> None:
    app = app_with(stages.done(4), tmp_path)
    for number in (3, 4):  # step 4 has added its line to a file of step 3
        lines = read_by_a_learner(green(find_step(number)), app, columns=80)
        assert not any("--diff" in line for line in lines), lines
    app.replace({"app/db/base.py": b"# mine\n"})
    assert any("--diff" in line for line in read_by_a_learner(green(STEPS[2]), app, columns=80))


# -- what is known of the other steps


MODEL = stages.starters(find_step(4))["app/models/user.py"]
SERVICE = "app/services/user_service.py"


@pytest.mark.parametrize(
    ("number", "changes", "expected"),
    [
        (1, {}, Standing.WRITTEN),
        (5, {}, Standing.WRITTEN),
        (8, {}, Standing.WRITTEN),
        (4, {"app/models/user.py": MODEL}, Standing.UNTOUCHED),
        (4, {"app/models/user.py": MODEL.replace(b"\n", b"\r\n")}, Standing.UNTOUCHED),
        (8, {SERVICE: stages.starters(find_step(8))[SERVICE] + b"# begun\n"}, Standing.UNFINISHED),
        (8, {SERVICE: b""}, Standing.UNFINISHED),
        (6, {}, Standing.UNFINISHED),
        (6, {"app.db": b"not a database"}, Standing.UNFINISHED),
        (6, {".env": b"DATABASE_URL=postgresql://db.example/app\n"}, Standing.UNKNOWN),
        (6, {".env": "DATABASE_URL=sqlite:///./app.db\n".encode("utf-16")}, Standing.UNKNOWN),
        (9, {}, Standing.MISSING),
        (13, {}, Standing.MISSING),
    ],
)
def test_the_files_say_how_far_a_step_is(
    number: int, changes: stages.Files, expected: Standing, tmp_path: Path
) -> None:
    app = app_with(stages.done(8), tmp_path)
    app.replace(changes)
    assert standing(app, find_step(number)) is expected


def test_a_revision_may_have_any_name_and_has_to_be_there(tmp_path: Path) -> None:
    app = app_with(stages.done(5), tmp_path)
    revision = "alembic/versions/0001_create_users.py"
    app.place({"alembic/versions/a1b2_mine.py": stages.done(5)[revision]})
    app.move_away([revision])
    assert standing(app, find_step(5)) is Standing.WRITTEN
    app.move_away(["alembic/versions/a1b2_mine.py"])
    assert standing(app, find_step(5)) is Standing.UNFINISHED


def test_the_tower_says_that_this_step_holds_and_of_the_others_no_more_than_it_knows(
    tmp_path: Path,
) -> None:
    app = app_with(stages.done(3) | stages.given(find_step(4)), tmp_path)
    lines = read_by_a_learner(green(find_step(2)), app, columns=80)
    assert "  database     ██ 2 session  ▒▒ 3 base" in lines
    assert "  models       -- 4 model  ·· 5 create_migration  ·· 6 apply_migration" in lines
    assert "  ██ holds  ▒▒ looks complete, not run now  -- starter only  ·· not there yet" in lines


# -- other right answers


@each_step
def test_another_right_answer_says_what_is_different_and_when_one_would_choose_it(
    step: Step,
) -> None:
    for other in load_alternatives(step):
        assert other.title.endswith("."), other.title
        assert other.reason.endswith("."), other.reason
        assert len(other.title) <= 100
        assert len(other.reason) <= 120
        assert other.files


def test_another_right_answer_is_shown_once_the_step_holds(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    asked = ("step11", "--app", str(app), "--another")
    app_with(stages.start(11), tmp_path)
    red = run(*asked)
    assert red.status == 1
    assert "Step 11 does not hold yet" in red.out
    assert "APIRouter" not in red.out
    Folder(app).replace(stages.done(11))
    first, second = run(*asked), run(*asked, "2")
    assert (first.status, second.status) == (0, 0)
    one, two, *_ = load_alternatives(find_step(11))
    assert first.out.startswith(f"{one.title}\n{one.reason}\n")
    assert one.files["app/api/v1/__init__.py"].decode() in first.out
    assert first.out.splitlines()[-1].endswith("--another 2")
    assert second.out.startswith(two.title)
    assert "+++ other/app/api/v1/user.py" in second.out
    assert run(*asked, "99").status == 2
