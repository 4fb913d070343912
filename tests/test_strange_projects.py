"""`--app` on a project that was not begun here: nothing in it is touched, and a copy is judged."""

from pathlib import Path

import pytest

from tests.workbench import run, snapshot
from workshop.course import stages
from workshop.learner import workplace
from workshop.learner.folder import Folder

SETTINGS = stages.done(1)["app/core/config.py"]
PROJECT: stages.Files = {
    "app/__init__.py": b"",
    "app/models.py": b"class User: ...\n",
    "app/main.py": b"app = object()\n",
    "app/core/config.py": SETTINGS + b"\n# mine\n",
    "alembic.ini": b"[alembic]\nscript_location = alembic\n",
    "alembic/env.py": b"raise SystemExit('applied')\n",
    "README.md": b"# A project\n",
    ".env": b"DATABASE_URL=sqlite+aiosqlite:///production.db\n",
    "production.db": b"",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with files under the names that the workshop has, too."""
    Folder(tmp_path / "project").place(PROJECT)
    return tmp_path / "project"


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_copy_is_judged_and_what_it_would_need_is_said(project: Path) -> None:
    before, names = snapshot(project), everything(project)
    ran = run("check", "1", "--app", str(project))
    said = " ".join(ran.out.split())
    assert ran.status == 0, said
    assert "project was not begun with the workshop: nothing in it is touched" in said
    assert "It would need, and its copy has: .env.example" in said
    assert "app/models.py stands where the workshop has app/models/." in said
    assert (snapshot(project), everything(project)) == (before, names)


@pytest.mark.parametrize("command", ["check 8", "check 13 --json", "progress --json"])
def test_no_step_touches_it(command: str, project: Path) -> None:
    before, names = snapshot(project), everything(project)
    ran = run(*command.split(), "--app", str(project))
    assert ran.status == 1
    assert (snapshot(project), everything(project)) == (before, names)


@pytest.mark.parametrize(
    "command", ["check 1 --solve", "check 1 --reset", "catchup 3", "restore", "serve --port 8123"]
)
def test_what_would_write_there_is_refused(command: str, project: Path) -> None:
    before, names = snapshot(project), everything(project)
    ran = run(*command.split(), "--app", str(project))
    assert ran.status == 2
    assert "was not begun with the workshop" in ran.err
    assert (snapshot(project), everything(project)) == (before, names)


@pytest.mark.parametrize("command", ["check 3", "progress", "catchup 3", "restore", "doctor"])
def test_a_folder_that_does_not_exist_is_an_error_and_is_not_made(
    command: str, tmp_path: Path
) -> None:
    ran = run(*command.split(), f"--app={tmp_path / 'nowhere'}")
    assert ran.status == 2
    assert "There is no folder" in ran.err
    assert not (tmp_path / "nowhere").exists()


OURS = {
    "an empty folder": {},
    "one with a repository and nothing else": {".git/config": b"", ".gitignore": b"x\n"},
    "the start of step 1": dict(stages.start(1)),
    "a finished app": dict(stages.done(13)),
    "one whose own files are all changed": {
        path: (b"# mine\n" if path != ".env.example" else data)
        for path, data in stages.done(12).items()
    },
}


@pytest.mark.parametrize("files", OURS.values(), ids=OURS)
def test_an_app_of_ones_own_elsewhere_is_known(files: stages.Files, tmp_path: Path) -> None:
    Folder(tmp_path).place(files)
    assert workplace.is_own(tmp_path)


def test_an_app_that_the_workshop_kept_something_of_is_ones_own(tmp_path: Path) -> None:
    Folder(tmp_path).place({"app/main.py": b"mine = True\n"})
    assert not workplace.is_own(tmp_path)
    Folder(tmp_path).replace({"app/main.py": b""})
    assert workplace.is_own(tmp_path)
