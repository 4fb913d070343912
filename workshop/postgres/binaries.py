"""Finding a PostgreSQL on this computer."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from workshop.postgres.account import Account, find_account
from workshop.postgres.packaged import install_command, packaged_binaries
from workshop.postgres.programs import run
from workshop.postgres.server import PostgresError

PROGRAMS = ("initdb", "pg_ctl", "postgres")


def find_binaries() -> Path | None:
    """The folder with `initdb`, `pg_ctl` and `postgres`, or None where there is none.

    The order is: `PATH`, the usual places with the newest version first, the pip package. A
    folder counts only if its `postgres` runs, as the account that will run it: links may dangle,
    and root's own folders are closed to the account that root's server runs as.
    """
    account = find_account()
    return next((folder for folder in _candidates() if _works(folder, account)), None)


def needed_binaries() -> Path:
    """The same folder; raises PostgresError with three ways to one where there is none."""
    found = find_binaries()
    if found is None:
        broken = next((folder for folder in _candidates() if _is_complete(folder)), None)
        raise PostgresError(_three_ways(broken))
    return found


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("pg_ctl")
    if on_path:
        # A link in a folder of links leads to the real one, where the other programs are.
        yield Path(on_path).resolve().parent
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql*/bin",
        "usr/local/opt/postgresql*/bin",
        "Applications/Postgres.app/Contents/Versions/*/bin",
    ):
        yield from sorted(Path("/").glob(pattern), reverse=True)
    windows = Path(os.environ.get("PROGRAMFILES", r"C:\Program Files"))
    yield from sorted(windows.glob("PostgreSQL/*/bin"), reverse=True)
    yield from packaged_binaries()


def _is_complete(binaries: Path) -> bool:
    return all(shutil.which(name, path=binaries) for name in PROGRAMS)


@cache
def _works(binaries: Path, account: Account | None) -> bool:
    if not _is_complete(binaries):
        return False
    with suppress(PostgresError):
        command = [str(binaries / "postgres"), "--version"]
        return run(command, seconds=10, folder=binaries, account=account).code == 0
    return False


def _three_ways(broken: Path | None) -> str:
    install = {
        "win32": "winget install PostgreSQL.PostgreSQL.17",
        "darwin": "brew install postgresql@17",
    }.get(sys.platform, "sudo apt install postgresql")
    none = "There is no PostgreSQL on this computer"
    if broken:
        none = f"The PostgreSQL in {broken} does not run"
        none += ", as another account than root" if find_account() else ""
    return (
        f"{none}; "
        "get one in any of these three ways, then run the same command again:\n"
        "  1. Docker: start Docker Desktop (or the engine: sudo systemctl start docker)\n"
        f"  2. on this computer: {install}\n"
        f"  3. in Python's own packages: {shlex.join(['python', *install_command()[1:]])}"
    )
