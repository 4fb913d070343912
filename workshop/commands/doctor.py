"""`nox -s doctor`: what the workshop needs, whether it is there, and the command that mends it."""

import codecs
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from dotenv.parser import parse_stream
from rich.console import Console
from rich.text import Text

from workshop import environment
from workshop.commands.layout import print_hanging
from workshop.commands.terminal import as_typed, command, make_console, relative
from workshop.course.steps import load_steps
from workshop.errors import WorkshopError
from workshop.learner import migrations
from workshop.learner.editions import Edition, find_edition
from workshop.learner.folder import Folder
from workshop.learner.standing import Standing, files_to_write, standing

# Seconds to wait for a program or a database that may not be there.
PATIENCE = 5.0
# Columns below which a finding stands under its name.
NARROW = 60


class Finding(NamedTuple):
    """One thing that was looked at. `needed` ones have to be well for the workshop to work."""

    name: str
    well: bool
    text: str
    mend: str = ""
    needed: bool = True


def examine(app: Path) -> int:
    """Print every finding with the command that mends it; 2 if something needed is not well."""
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # it would say what a finding says
    console = make_console()
    folder = Folder(app)
    looks: list[Callable[[], Finding | None]] = [
        _python,
        _environment,
        _git,
        lambda: _folder(folder),
        lambda: _unfinished(folder),
        lambda: _edition(folder),
        _port,
        lambda: _dotenv(folder),
        lambda: _database(folder),
        lambda: _revisions(folder),
        _docker,
        _postgresql,
    ]
    findings = [finding for look in looks if (finding := look())]
    for finding in findings:
        _print(console, finding)
    return 2 if any(finding.needed and not finding.well for finding in findings) else 0


def _print(console: Console, finding: Finding) -> None:
    """A finding behind its name; on a narrow terminal, below it."""
    mark, style = ("✓", "green") if finding.well else ("✗" if finding.needed else "·", "yellow")
    head = Text.assemble((f"  {mark} ", style), f"{finding.name:<14}")
    if console.width < NARROW:
        head.rstrip()
        console.print(head)
        head = Text("    ")
    print_hanging(console, head, Text(as_typed(finding.text)))
    for line in finding.mend.splitlines() if not finding.well else ():
        print_hanging(console, Text(" " * head.cell_len), Text(as_typed(line), "dim"))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    well = sys.version_info[:2] >= environment.OLDEST
    return Finding("Python", well, version, "install 3.11 or newer from https://www.python.org")


def _environment() -> Finding:
    stale = [path.name for path in environment.missing()]
    text = "in step with requirements.txt" if not stale else f"{', '.join(stale)} changed"
    mend = f"{command('step1')} installs what is new; delete {environment.VENV.name} to begin anew"
    return Finding(environment.VENV.name, not stale, text, mend)


def _git() -> Finding:
    found = shutil.which("git")
    mend = "install it from https://git-scm.com: without it you cannot update your clone"
    return Finding("git", bool(found), _first_line([found, "--version"]) if found else "none", mend)


def _folder(folder: Folder) -> Finding:
    if not folder.root.exists():
        return Finding("your app", True, f"none yet: {command('step1')} begins it")
    probe = folder.root / ".writable"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        text = f"{folder.root} is not writable ({error.strerror})"
        return Finding("your app", False, text, "give yourself the right to write there")
    begun = sum(any(folder.has(path) for path in step.writes) for step in load_steps())
    return Finding("your app", True, f"{relative(folder.root)}/ has files of {begun} steps")


def _unfinished(folder: Folder) -> Finding | None:
    """Steps before the last one begun of which a part is still to be written."""
    begun = [step for step in load_steps() if any(folder.has(path) for path in step.writes)]
    earlier = [
        step for step in begun[:-1] if Standing.MISSING < standing(folder, step) < Standing.WRITTEN
    ]
    if not earlier:
        return None
    listed = ", ".join(
        f"{relative(folder.root / path)} (step {step.number})"
        for step in earlier
        for path in files_to_write(folder, step)
    )
    mend = f"{command(earlier[0].name)} goes on with it, or\n"
    mend += f"{command('catchup', str(begun[-1].number))} takes what is missing from the solution"
    return Finding("unfinished", False, listed, mend, needed=False)


def _edition(folder: Folder) -> Finding:
    edition = find_edition(folder)
    own = ", ".join(edition.own)
    if edition.outdated:
        first = min(found.changed_on for found in edition.outdated)
        text = f"begun from the workshop as it was before {first}; your own code is not meant"
        return Finding("edition", False, text, _renewal(edition), needed=False)
    if own and not edition.has_history:
        text = f"{own}: changed by you, or given so by an older edition"
        mend = "git would know, but there is no history of the workshop here"
        return Finding("edition", False, text, mend, needed=False)
    return Finding("edition", True, "as given today" + (f", but for your own {own}" if own else ""))


def _renewal(edition: Edition) -> str:
    lines = [
        f"step {number} changed since then: {', '.join(whats)}" for number, whats in edition.changes
    ]
    for step in load_steps():
        old = [found for found in edition.outdated if found.step == step]
        paths = ", ".join(found.path for found in old)
        if any(found.solved for found in old):
            lines.append(f"{paths}: {command(step.name, '--solve')} puts today's solution in")
        elif old:
            lines.append(f"{paths}: delete it, then {command(step.name)} gives today's")
    return "\n".join(lines)


def _port() -> Finding:
    from workshop.commands.serve import try_port

    try:
        try_port(8000)
    except OSError:
        mend = f"{command('serve', '--port 8001')} uses another"
        return Finding("port 8000", False, "taken by another program", mend, needed=False)
    return Finding("port 8000", True, "free")


def _dotenv(folder: Folder) -> Finding | None:
    """A .env that cannot be read, or of which a line is skipped without a word."""
    data = folder.read(".env")
    if data is None:
        return None
    mend = "open it in an editor, and save it with the encoding UTF-8"
    if data.startswith(codecs.BOM_UTF8):
        text = "begins with a byte order mark, which hides the name in its first line"
        return Finding(".env", False, text, f"{mend}, without BOM")
    try:
        bindings = list(parse_stream(StringIO(data.decode("utf-8"))))
    except UnicodeDecodeError:
        utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = "is UTF-16, as Windows PowerShell writes with `>`" if utf16 else "is not UTF-8"
        return Finding(".env", False, text, mend)
    wrong = [str(binding.original.line) for binding in bindings if binding.error]
    if wrong:
        lines = f"line {wrong[0]} is" if len(wrong) == 1 else f"lines {', '.join(wrong)} are"
        text = f"{lines} no NAME=value, and skipped"
        return Finding(".env", False, text, "write NAME=value, or put a # in front")
    return Finding(".env", True, "can be read")


def _database(folder: Folder) -> Finding:
    try:
        url = migrations.database_url(folder)
    except WorkshopError:
        return Finding("your database", False, "unknown until .env can be read")
    kind, shown = url.partition(":")[0].partition("+")[0], url.rpartition("@")[2]
    if kind == "sqlite":
        return Finding("your database", True, f"SQLite, {url.partition('://')[2].lstrip('/')}")
    from workshop.postgres import PostgresError, expect_server

    try:
        expect_server(url)
    except PostgresError as error:
        mend = "unset DATABASE_URL (also in .env) to use SQLite"
        return Finding("your database", False, str(error), mend)
    except WorkshopError as error:
        return Finding("your database", False, str(error))
    return Finding("your database", True, f"PostgreSQL at {shown} answers")


def _revisions(folder: Folder) -> Finding | None:
    """A SQLite database that has a revision of which there is no file any more."""
    try:
        unknown = migrations.unknown_revisions(folder)
        path = migrations.database_file(folder)
    except WorkshopError:
        return None
    if not unknown or path is None or not migrations.history(folder):
        return None
    text = f"{path} {_unlike(unknown)}"
    mend = (
        f"delete {relative(folder.root / path)} with what it holds, then "
        "`alembic upgrade head` beside alembic.ini makes it anew"
    )
    return Finding("revisions", False, text, mend)


def _unlike(unknown: set[str]) -> str:
    if migrations.NO_DATABASE in unknown:
        return "is no SQLite database"
    if migrations.NO_REVISION in unknown:
        return "has tables that no revision made"
    return f"has revision {', '.join(sorted(unknown))}, of which alembic/versions has no file"


def _docker() -> Finding:
    found = shutil.which("docker")
    runs = bool(found) and _succeeds([str(found), "info"])
    text = "runs" if runs else ("installed, its engine does not run" if found else "none")
    return Finding("Docker", runs, text, "optional: SQLite needs none", needed=False)


def _postgresql() -> Finding:
    from workshop.postgres import find_binaries

    found = find_binaries()
    text = str(found) if found else "none on this machine"
    return Finding("PostgreSQL", bool(found), text, "optional: SQLite needs none", needed=False)


def _succeeds(arguments: list[str]) -> bool:
    try:
        return (
            subprocess.run(arguments, capture_output=True, timeout=PATIENCE, check=False).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _first_line(arguments: list[str]) -> str:
    try:
        result = subprocess.run(
            arguments,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "does not answer"
    return result.stdout.splitlines()[0] if result.stdout else "does not answer"
