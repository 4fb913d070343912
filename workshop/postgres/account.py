"""The account that runs PostgreSQL where we are root, and the folders that it may enter."""

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from workshop.postgres.server import PostgresError

if sys.platform != "win32":
    import pwd

# Only root can write here, so nobody else can put a folder of the expected name in place first.
ELSEWHERE = Path("/var/lib/layer-by-layer")


class Account(NamedTuple):
    """A user of this computer."""

    uid: int
    gid: int


def find_account() -> Account | None:
    """The account to run PostgreSQL as, which refuses root; None for the one that we are."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run "
        "it as: run the same command as an ordinary user."
    )


def place(folder: Path) -> Path:
    """Where the cluster asked for in `folder` is: there, or elsewhere.

    Root's home is closed to other accounts. Opening it is not ours to do, so the cluster goes to
    a folder that is named after this one.
    """
    folder = folder.resolve()
    if may_enter(folder, find_account()):
        return folder
    return ELSEWHERE / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def may_enter(folder: Path, account: Account | None) -> bool:
    """Whether an account may enter a folder; what does not exist yet, we make so."""
    if sys.platform == "win32" or account is None:
        return True
    nearest = next(place for place in (folder, *folder.parents) if place.is_dir())
    command = ["test", "-x", nearest]
    uid, gid = account
    looked = subprocess.run(command, cwd="/", user=uid, group=gid, extra_groups=[], check=False)
    return looked.returncode == 0


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; the server's account may enter the new ones."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in new if find_account() else []:
            place.chmod(0o755)  # root's umask may be 077
    except OSError as error:
        raise PostgresError(
            f"The folder {folder} for the database cannot be made ({error.strerror}): "
            f"free that name, or choose another folder."
        ) from error


def give(*paths: Path) -> None:
    """Give what we made to the server's account, where that is not ours."""
    account = find_account()
    if sys.platform != "win32" and account:
        for path in paths:
            os.chown(path, *account)
