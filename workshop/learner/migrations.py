"""One consistent Alembic history in the learner's folder, and a database that fits it.

A learner's own revision has another id than the solution's. When files are replaced, revisions that
no longer lead back to the first one would break every Alembic command, and so would a database that
remembers them: both are moved to `.saved/`, like any other file.
"""

import ast
import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from workshop.course import stages
from workshop.course.steps import Step, find_step, load_steps
from workshop.errors import WorkshopError
from workshop.learner.folder import VERSIONS, Folder

# Added to the name of a SQLite database: what it writes beside itself.
SIDES = ("", "-wal", "-shm", "-journal")
_TABLE = re.compile(r"create_table\(\s*[\"'](\w+)[\"']")
# The last line of a traceback begins with the exception's class; Alembic's own errors with FAILED.
_EXCEPTION = re.compile(r"(?:[\w.]+(?:Error|Exception|Interrupt|Exit|Warning)|FAILED)\b:?")
# Seconds. An upgrade of two small tables takes one; a learner's env.py may hang.
UPGRADE_LIMIT = 60
# What stands for the revision of a file that says none.
NO_DATABASE = "(not a database)"
NO_REVISION = "(tables without a revision)"
DEFAULT_URL = "sqlite+aiosqlite:///./app.db"


@dataclass(frozen=True)
class Revision:
    """One file of the history."""

    path: str
    id: str
    # The id of the revision before it; None for the first.
    down: str | None


def history(folder: Folder) -> list[Revision]:
    """The learner's revisions, oldest first as far as they are connected."""
    found = {
        revision.id: revision
        for file in sorted((folder.root / VERSIONS).glob("*.py"))
        if (revision := _read(folder, f"{VERSIONS}/{file.name}"))
    }
    ordered: list[Revision] = []
    while following := [
        revision
        for revision in found.values()
        if revision not in ordered and revision.down in (None, *(known.id for known in ordered))
    ]:
        ordered += following
    return ordered + [revision for revision in found.values() if revision not in ordered]


def head(folder: Folder) -> str | None:
    """The id of the newest revision; None if there is none."""
    revisions = history(folder)
    parents = {revision.down for revision in revisions}
    heads = [revision.id for revision in revisions if revision.id not in parents]
    return heads[-1] if heads else None


def owners(folder: Folder) -> dict[str, Step]:
    """The step of each revision, by its path: the last one whose tables it is about.

    A revision that names no step's table goes with the one before it.
    """
    makers = [step for step in load_steps() if step.makes]
    found: dict[str, Step] = {}
    step = makers[0]
    for revision in history(folder):
        text = (folder.read(revision.path) or b"").decode("utf-8", "replace")
        about = [
            maker
            for maker in makers
            if revision.path in maker.makes
            or any(re.search(rf"[\"']{table}[\"']", text) for table in _tables(maker))
        ]
        step = about[-1] if about else step
        found[revision.path] = step
    return found


def _tables(step: Step) -> list[str]:
    """The tables that a step's revisions make."""
    texts = (stages.done(step.number)[path].decode() for path in step.makes)
    return [table for text in texts for table in _TABLE.findall(text)]


def move_strangers_away(folder: Folder, ours: set[str]) -> list[str]:
    """Move away what does not continue the history of `ours`, the paths just written."""
    kept = {revision.id for revision in history(folder) if revision.path in ours}
    strangers: list[str] = []
    for revision in history(folder):
        if revision.path in ours or revision.down in kept:
            kept.add(revision.id)
        else:
            strangers.append(revision.path)
    folder.move_away(strangers)
    return strangers


def graft(source: bytes, parent: str) -> bytes:
    """A revision's text with another parent, so that it continues somebody else's history."""
    text, count = re.subn(
        r"^(down_revision\b[^=]*=\s*).+$",
        lambda match: f'{match[1]}"{parent}"',
        source.decode(),
        count=1,
        flags=re.MULTILINE,
    )
    if not count:
        raise WorkshopError("A revision of the solution has no down_revision")
    return re.sub(r"^Revises:.*$", f"Revises: {parent}", text, count=1, flags=re.MULTILINE).encode()


def database_url(folder: Folder) -> str:
    """The database of the learner's app, as their settings would read it."""
    dotenv = _dotenv(folder) if folder.has(".env") else {}
    return os.environ.get("DATABASE_URL") or dotenv.get("DATABASE_URL") or DEFAULT_URL


def _dotenv(folder: Folder) -> dict[str, str | None]:
    try:
        return dotenv_values(folder.root / ".env", encoding="utf-8")
    except UnicodeDecodeError:
        raise WorkshopError(
            f"{folder.root / '.env'} is not UTF-8: open it in an editor, and save it with the "
            "encoding UTF-8. `>` in Windows PowerShell writes UTF-16."
        ) from None


def database_file(folder: Folder) -> str | None:
    """The path of the SQLite database inside the folder; None if it is none or elsewhere."""
    scheme, _, name = database_url(folder).partition(":///")
    if not scheme.startswith("sqlite") or not name or name.startswith((":memory:", "file:")):
        return None
    path = Path(os.path.normpath(folder.root / name.partition("?")[0]))
    root = Path(os.path.normpath(folder.root))
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def move_database_away(folder: Folder) -> bool:
    """Move the SQLite database to `.saved/`; False if there was none."""
    path = database_file(folder)
    if path is None or not folder.has(path):
        return False
    folder.move_away(path + suffix for suffix in SIDES)
    return True


def fit_database(folder: Folder) -> str | None:
    """Move a database away that the history does not know. Returns what there is to say."""
    path = database_file(folder)
    if path is None:
        return (
            "Your DATABASE_URL names a database that only you should change. If its revision is "
            "gone, give it an empty database and run `alembic upgrade head`."
        )
    known = {revision.id for revision in history(folder)}
    if not folder.has(path) or _stamped(folder.root / path) <= known:
        return None
    move_database_away(folder)
    return f"{path} was made by other revisions: it is kept beside the other files."


def is_up_to_date(folder: Folder) -> bool | None:
    """Whether the SQLite database is at the newest revision; None where a look does not tell."""
    try:
        path = database_file(folder)
    except WorkshopError:  # a .env that cannot be read, which `doctor` explains
        return None
    if path is None:
        return None
    return folder.has(path) and _stamped(folder.root / path) == {head(folder)}


def unknown_revisions(folder: Folder) -> set[str]:
    """The revisions that the SQLite database has, and no file of the history.

    One of `NO_DATABASE` and `NO_REVISION` where the file names none.
    """
    path = database_file(folder)
    if path is None or not folder.has(path):
        return set()
    return _stamped(folder.root / path) - {revision.id for revision in history(folder)}


def is_made_by(folder: Folder, revisions: set[str]) -> bool:
    """Whether the SQLite database in the folder has had one of these revisions, by its id."""
    path = database_file(folder)
    if path is None or not folder.has(path):
        return False
    stamped = _stamped(folder.root / path)
    ordered = [revision.id for revision in history(folder)]
    reached = max((ordered.index(one) + 1 for one in stamped if one in ordered), default=0)
    return bool(revisions & (stamped | set(ordered[:reached])))


def make_database(folder: Folder) -> str:
    """Apply every revision, and say in a sentence what came of it."""
    try:
        upgrade(folder)
    except WorkshopError as error:
        return str(error)  # the checks that follow say more about the cause
    return f"Applied the revisions to the database ({database_file(folder) or 'DATABASE_URL'})."


def upgrade(folder: Folder) -> None:
    """Apply every revision to the learner's database. Raises WorkshopError with Alembic's words."""
    try:
        result = _run_upgrade(folder)
    except subprocess.TimeoutExpired:
        raise WorkshopError(
            f"`alembic upgrade head` did not end within {UPGRADE_LIMIT} seconds in {folder.root}: "
            "run it there yourself to see where it waits."
        ) from None
    if result.returncode:
        raise WorkshopError(
            f"`alembic upgrade head` failed in {folder.root}: {reason(result.stderr)}\n"
            f"{_unfinished(result.stderr) or 'Run it there yourself to see all of it.'}"
        )


def reason(stderr: str) -> str:
    """What a traceback or Alembic says last, without the frames and the links below it."""
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip()]
    starts = [index for index, line in enumerate(lines) if _EXCEPTION.match(line)]
    said = lines[starts[-1] :] if starts else lines[-1:]
    return "\n".join(
        re.sub(r" \[type=.*\]$", "", line)
        for line in said
        if "https://" not in line and not line.startswith(("[SQL:", "[parameters:"))
    )


def _unfinished(stderr: str) -> str | None:
    """The step whose starter's exception ended the upgrade, and what to do about it."""
    found = re.search(r"^NotImplementedError: step (\d+):", stderr, re.MULTILINE)
    if found is None:
        return None
    step = find_step(int(found[1]))
    text = f"Step {step.number} is not finished: `nox -s {step.name}` goes on with it"
    if step == load_steps()[-1]:
        return f"{text}."
    return f"{text}, `nox -s catchup -- {step.number + 1}` takes what does not hold from ours."


def _run_upgrade(folder: Folder) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "alembic", "upgrade", "head"],
        cwd=folder.root,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=UPGRADE_LIMIT,
        check=False,
    )


def _stamped(file: Path) -> set[str]:
    """The revisions that a SQLite database says it has; something unknown if it says nothing."""
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if "alembic_version" in tables:
                query = "SELECT version_num FROM alembic_version"
                return {str(name) for (name,) in connection.execute(query)}
        finally:
            connection.close()
    except sqlite3.Error:
        return {NO_DATABASE}
    return {NO_REVISION} if tables else set()


def _read(folder: Folder, path: str) -> Revision | None:
    try:
        tree = ast.parse((folder.read(path) or b"").decode("utf-8-sig"))
    except (SyntaxError, ValueError):
        return None
    values: dict[str, Any] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                values[target.id] = value.value
    if not isinstance(values.get("revision"), str):
        return None
    return Revision(path, values["revision"], values.get("down_revision"))
