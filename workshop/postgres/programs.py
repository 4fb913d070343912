"""Running PostgreSQL's and Docker's programs to their end."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from workshop.postgres.account import Account
from workshop.postgres.server import PostgresError


class Done(NamedTuple):
    """How a program ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The last line that says something, for the end of a sentence."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1].strip() if lines else f"exit status {self.code}"


def run(
    command: list[str], *, seconds: float, folder: Path, account: Account | None = None
) -> Done:
    """Run a program to its end in `folder`, as `account` where given.

    Raises PostgresError where it cannot be run, or takes longer than `seconds`.
    """
    name = Path(command[0]).name
    # PGDATA and PGPORT override what we ask for; messages are recognised in English.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    # Files, not pipes: a server that a program leaves behind inherits its pipes, and whoever
    # reads them until their end then waits for as long as the server runs.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run(
                command,
                timeout=seconds,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env=kept | {"LC_ALL": "C", "LANGUAGE": "C"},
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                # Keeps Ctrl-C from the server on Windows; elsewhere pg_ctl sees to it.
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PostgresError(
                f"{name} did not finish within {seconds:g} seconds: "
                f"run the same command again when the computer is less busy."
            ) from error
        except OSError as error:
            raise PostgresError(
                f"{command[0]} cannot be run in {folder} ({error.strerror}): install it again."
            ) from error
        out.seek(0)
        err.seek(0)
        return Done(
            done.returncode, *(file.read().decode("utf-8", "replace") for file in (out, err))
        )
