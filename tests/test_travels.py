"""The learner's loop away from home: CRLF line endings, odd folders, no home, no right to write."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.test_branches import git, repository
from tests.workbench import Ran, clone, run, snapshot
from workshop import stages
from workshop.steps import ROOT, load_steps

# The last step only repeats the others for a second feature.
STEPS = load_steps()[:12]
BINARY = {".png", ".ico", ".woff2", ".db"}


def walk(folder: Path) -> None:
    """Do every step in a clone as a learner does, and see that the verdicts are the right ones."""
    for step in STEPS:
        began = run("check", str(step.number), "--json", cwd=folder)
        first = next(check for check in began.json["checks"] if check["outcome"] != "passed")
        assert (began.status, first["id"]) == (1, step.fails_first), began.out
        solved = run("check", str(step.number), "--solve", cwd=folder)
        assert solved.status == 0, solved.out + solved.err


def test_a_learner_in_a_folder_with_spaces_and_umlauts(tmp_path: Path) -> None:
    walk(clone(tmp_path / "Ünï cödé path"))


@pytest.fixture(scope="module")
def windows_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as git makes it on Windows: every text file has CRLF line endings."""
    home = tmp_path_factory.mktemp("windows")
    repository(home / "origin")
    git(home, "clone", "--quiet", "--config=core.autocrlf=true", "origin", "clone")
    return home / "clone"


def test_git_gives_crlf_to_text_and_leaves_scripts_notebooks_and_pictures(
    windows_clone: Path,
) -> None:
    listed = git(windows_clone, "ls-files", "--eol", "-z").split("\0")
    endings = {line.split("\t")[1]: line.split()[:2] for line in listed if line}
    assert endings["noxfile.py"] == ["i/lf", "w/crlf"]
    assert endings["solution/migrate.sh"] == ["i/lf", "w/lf"]
    assert endings[".ci/run"] == ["i/lf", "w/lf"]
    for name, (index, work) in endings.items():
        if Path(name).suffix in BINARY:
            assert (index, work) == ("i/-text", "w/-text"), name
        elif Path(name).suffix == ".ipynb":
            assert work == "w/lf", name
        else:
            assert index in ("i/lf", "i/none"), f"{name} is committed with other line endings"


def test_a_learner_in_a_clone_with_crlf_line_endings(windows_clone: Path) -> None:
    walk(windows_clone)
    # The same app, once every file was saved by an editor that prefers CRLF.
    app = windows_clone / "backend"
    for name, data in snapshot(app).items():
        if not name.endswith(".db"):
            (app / name).write_bytes(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    measured = run("progress", "--json", cwd=windows_clone).json
    assert [step["ok"] for step in measured["steps"]][: len(STEPS)] == [True] * len(STEPS)
    assert "No difference" in run("check", "1", "--diff", cwd=windows_clone).out


def test_what_the_learner_gets_from_a_clone_with_crlf_is_the_same_as_from_any(
    windows_clone: Path, tmp_path: Path
) -> None:
    app = tmp_path / "backend"
    assert run("catchup", "5", "--app", str(app), cwd=windows_clone).status == 0
    assert snapshot(app) == stages.start(5)


@pytest.mark.parametrize("home", ["no_such_folder/home", None], ids=["missing", "not set"])
def test_a_home_is_not_needed(home: str | None, tmp_path: Path) -> None:
    variables = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA")
    places = dict.fromkeys(variables, str(tmp_path / home) if home else "")
    ran = run("check", "3", "--solve", "--app", str(tmp_path / "backend"), env=places)
    assert ran.status == 0, ran.out + ran.err
    assert not (tmp_path / "no_such_folder").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_pipe_gets_utf_8_whatever_the_locale_says(encoding: str, tmp_path: Path) -> None:
    for arguments in (["check", "1", "--json"], ["check", "1"], ["progress"], ["doctor"]):
        app = str(tmp_path / "backend")
        ran = run(*arguments, "--app", app, env={"PYTHONIOENCODING": encoding})
        assert ran.status in (0, 1), ran.err
        assert "\N{REPLACEMENT CHARACTER}" not in ran.out
    assert "✓" in ran.out


# --- a clone that its learner may not write into


def run_as_anybody(*arguments: str, cwd: Path) -> Ran:
    """Run a command without root's right to write everywhere, where we are root."""
    command = [sys.executable, "-m", "workshop", *arguments]
    if sys.platform != "win32" and os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override", *command]
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"WORKSHOP_VENV": sys.prefix, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "Traceback (most recent call last)" not in done.stdout + done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def read_only(tmp_path: Path) -> Generator[Path]:
    """A clone in which nothing can be written, not even Python's caches."""
    folder = clone(tmp_path / "clone")
    shutil.rmtree(folder / "checks/__pycache__", ignore_errors=True)
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield folder
    for path in folders:
        path.chmod(0o755)


def test_a_read_only_clone_gets_a_sentence(read_only: Path) -> None:
    ran = run_as_anybody("check", "1", cwd=read_only)
    assert ran.status == 2
    assert "backend" in ran.err
    assert "cannot be written: Permission denied" in ran.err


def test_a_read_only_clone_does_for_an_app_elsewhere(read_only: Path, tmp_path: Path) -> None:
    before = set(read_only.rglob("*"))
    solved = run_as_anybody(
        "check", "2", "--solve", "--app", str(tmp_path / "my app"), cwd=read_only
    )
    assert solved.status == 0, solved.out + solved.err
    assert set(read_only.rglob("*")) == before


def test_an_app_that_cannot_be_written_gets_a_sentence(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("check", "1", "--app", str(app))
    (app / "app/core").chmod(0o555)
    try:
        ran = run_as_anybody("check", "1", "--solve", "--app", str(app), cwd=ROOT)
    finally:
        (app / "app/core").chmod(0o755)
    assert ran.status == 2
    assert "Nothing was lost" in ran.err
