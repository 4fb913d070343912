"""What the machinery's tests share: running commands as a learner does."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from workshop.course.steps import ROOT


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it has to be."""
        return json.loads(self.out)


def run(
    *arguments: str, cwd: Path = ROOT, env: dict[str, str] | None = None, timeout: float = 120
) -> Ran:
    """Run `python -m workshop …` in this environment; a traceback of ours is a failure.

    The folder that `--app` names is made, as somebody does who begins an app elsewhere.
    """
    for option, value in pairwise(arguments):
        if option == "--app" and not (cwd / value).exists():
            (cwd / value).mkdir(parents=True)
    environment = (
        learner_environment() | {"WORKSHOP_VENV": sys.prefix, "NO_COLOR": "1"} | (env or {})
    )
    done = subprocess.run(
        [sys.executable, "-m", "workshop", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
    assert "Traceback (most recent call last)" not in done.stdout + done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def type_in_app(app: Path, command: str) -> None:
    """Run a command of a brief, such as `alembic upgrade head`, in the app's folder."""
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=app,
        env=learner_environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def learner_environment() -> dict[str, str]:
    """What a learner's terminal has: nothing of the tests' own, and no database of anybody's."""
    ours = ("DATABASE_URL", "NOX_CURRENT_SESSION", "PYTHONPATH", "COLUMNS")
    return {name: value for name, value in os.environ.items() if name not in ours}


def clone(target: Path) -> Path:
    """A clone as a learner would have it, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        if name and not name.startswith("backend/") and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, without what was saved."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".saved" not in file.parts and "__pycache__" not in file.parts
    }


def saved_versions(folder: Path, path: str) -> list[bytes]:
    """What `.saved/` keeps of a file, oldest first."""
    return [file.read_bytes() for file in sorted((folder / ".saved").glob(f"*/{path}"))]
