"""A clone is updated while its learner is at work: no conflicts, and doctor says what is old."""

from pathlib import Path

import pytest

from tests.test_branches import git, repository
from tests.workbench import run, snapshot
from workshop.course.steps import ROOT

GIVEN = "postgres_db/compose.yaml"


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8", newline="\n")


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workshop as it is, committed."""
    return repository(tmp_path_factory.mktemp("today"))


@pytest.fixture
def upstream(today: Path, tmp_path: Path) -> Path:
    """The workshop's own repository."""
    git(tmp_path, "clone", "--quiet", str(today), "upstream")
    return tmp_path / "upstream"


@pytest.fixture
def clone(upstream: Path, tmp_path: Path) -> Path:
    """A learner's clone of it, with two steps solved and the third begun."""
    git(tmp_path, "clone", "--quiet", str(upstream), "clone")
    for name in ("email", "name"):
        git(tmp_path / "clone", "config", f"user.{name}", "ada@example.com")
    assert run("catchup", "3", cwd=tmp_path / "clone").status == 0
    return tmp_path / "clone"


def publish_an_edition(upstream: Path) -> None:
    """Change a file that step 2 gives, and the solution and brief of step 1."""
    replace(upstream / f"solution/{GIVEN}", "# PostgreSQL", "# A PostgreSQL")
    replace(upstream / "solution/app/core/config.py", '"""', '"""Newer. ')
    replace(upstream / "steps/01_config/README.md", "## Why", "Newer.\n\n## Why")
    git(upstream, "commit", "--quiet", "--all", "--message=A new edition")


def doctor(clone: Path) -> str:
    """What doctor prints, on one line: it wraps what is long."""
    return " ".join(run("doctor", cwd=clone).out.split())


def test_the_repository_never_holds_a_learners_app() -> None:
    assert git(ROOT, "ls-files", "backend") == ""


def test_updating_a_clone_leaves_the_work_alone(upstream: Path, clone: Path) -> None:
    before = snapshot(clone / "backend")
    publish_an_edition(upstream)
    git(clone, "pull", "--quiet", "--ff-only")
    assert snapshot(clone / "backend") == before
    assert git(clone, "status", "--porcelain") == "?? backend/"
    assert run("check", "2", cwd=clone).status == 0


def test_updating_a_clone_whose_learner_commits_the_work(upstream: Path, clone: Path) -> None:
    git(clone, "add", "backend")
    git(clone, "commit", "--quiet", "--message=Steps 1 and 2")
    before = snapshot(clone / "backend")
    publish_an_edition(upstream)
    git(clone, "pull", "--quiet", "--no-rebase", "--no-edit")
    assert snapshot(clone / "backend") == before
    assert git(clone, "status", "--porcelain") == ""
    assert "begun from the workshop as it was before" in doctor(clone)


def test_updating_a_clone_that_goes_on_from_a_branch_of_a_step(
    upstream: Path, tmp_path: Path
) -> None:
    """The branches are made anew with each edition, so the update comes from main."""
    run("branches", cwd=upstream)
    git(tmp_path, "clone", "--quiet", "--branch=step-03-start", str(upstream), "clone")
    app = tmp_path / "clone/backend"
    (app / "app/db/base.py").write_text("mine = True\n", "utf-8")
    git(tmp_path / "clone", "commit", "--quiet", "--all", "--message=My work")
    before = snapshot(app)
    publish_an_edition(upstream)
    run("branches", cwd=upstream)
    git(tmp_path / "clone", "pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main")
    assert snapshot(app) == before
    assert git(tmp_path / "clone", "status", "--porcelain") == ""
    assert "step 2 changed since then: given files" in doctor(tmp_path / "clone")


def test_doctor_is_content_with_an_app_of_this_edition(clone: Path) -> None:
    assert "as given today" in doctor(clone)


def test_doctor_says_what_is_older_what_changed_and_what_to_type(
    upstream: Path, clone: Path
) -> None:
    publish_an_edition(upstream)
    git(clone, "pull", "--quiet", "--ff-only")
    out = doctor(clone)
    assert "begun from the workshop as it was before 2026-01-01" in out
    assert "step 1 changed since then: solution, brief" in out
    assert "step 2 changed since then: given files" in out
    assert "app/core/config.py: " in out
    assert "--solve puts today's solution in" in out
    assert f"{GIVEN}: delete it, then" in out


def test_what_doctor_says_to_do_brings_the_app_up_to_date(upstream: Path, clone: Path) -> None:
    publish_an_edition(upstream)
    git(clone, "pull", "--quiet", "--ff-only")
    run("check", "1", "--solve", cwd=clone)
    (clone / "backend" / GIVEN).unlink()
    run("check", "2", cwd=clone)
    assert "# A PostgreSQL" in (clone / "backend" / GIVEN).read_text("utf-8")
    assert "as given today" in doctor(clone)


def test_an_untouched_starter_of_an_older_edition_is_told(upstream: Path, clone: Path) -> None:
    replace(upstream / "steps/03_base/app/db/base.py", '"""', '"""Newer. ')
    git(upstream, "commit", "--quiet", "--all", "--message=A new edition")
    git(clone, "pull", "--quiet", "--ff-only")
    out = doctor(clone)
    assert "app/db/base.py: delete it, then" in out
    assert "step 3 changed since then: starter" in out


def test_an_untouched_starter_of_an_older_edition_is_filled_in(upstream: Path, clone: Path) -> None:
    replace(upstream / "steps/03_base/app/db/base.py", '"""', '"""Newer. ')
    git(upstream, "commit", "--quiet", "--all", "--message=A new edition")
    git(clone, "pull", "--quiet", "--ff-only")
    out = run("check", "4", cwd=clone).out
    assert "Took step 3 from the solution: step 3 had an untouched starter." in out
    assert "NotImplementedError" not in (clone / "backend/app/db/base.py").read_text("utf-8")


def test_the_learners_own_version_of_a_given_file_is_no_older_edition(clone: Path) -> None:
    (clone / "backend" / GIVEN).write_text("# mine\n", "utf-8")
    assert f"as given today, but for your own {GIVEN}" in doctor(clone)


def test_what_the_learner_wrote_says_nothing_about_editions(upstream: Path, clone: Path) -> None:
    for name in ("core/config.py", "db/session.py"):
        (clone / "backend/app" / name).write_text("mine = True\n", "utf-8")
    replace(upstream / "solution/app/core/config.py", '"""', '"""Newer. ')
    git(upstream, "commit", "--quiet", "--all", "--message=A new edition")
    git(clone, "pull", "--quiet", "--ff-only")
    assert "as given today" in doctor(clone)


def test_other_line_endings_are_no_other_edition(clone: Path) -> None:
    for name, data in snapshot(clone / "backend").items():
        (clone / "backend" / name).write_bytes(data.replace(b"\n", b"\r\n"))
    assert "as given today" in doctor(clone)


def test_without_a_history_doctor_says_that_it_cannot_know(clone: Path) -> None:
    (clone / ".git").rename(clone / "no_git")
    assert "as given today" in doctor(clone)
    (clone / "backend" / GIVEN).write_text("# mine\n", "utf-8")
    assert f"{GIVEN}: changed by you, or given so by an older edition" in doctor(clone)


def test_a_copy_inside_somebody_elses_repository_has_no_history(
    clone: Path, tmp_path: Path
) -> None:
    (clone / ".git").rename(clone / "no_git")
    git(tmp_path, "init", "--quiet")
    (clone / "backend" / GIVEN).write_text("# mine\n", "utf-8")
    assert "no history of the workshop here" in doctor(clone)
