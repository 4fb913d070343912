"""Folders that may not be written into: a sentence where that matters, and no harm where not.

Not for Windows, where the right to write into a folder is no matter of `chmod`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.workbench import Ran, clone, run
from workshop.course.steps import ROOT


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
    (tmp_path / "my app").mkdir()
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
