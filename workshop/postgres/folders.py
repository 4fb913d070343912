"""A folder that is ours alone for a time: locked, and deleted."""

import shutil
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from workshop.postgres.server import PostgresError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def locked(folder: Path, seconds: float = 0) -> Generator[None]:
    """Hold a folder's lock, which the operating system releases if we are killed.

    Raises PostgresError where another process has it for so long.
    """
    try:
        handle = (folder / "lock").open("ab")
    except OSError as error:
        raise PostgresError(
            f"Nothing can be written to {folder} ({error.strerror}): choose another folder, "
            f"or work from the account that made this one."
        ) from error
    with handle:
        deadline = time.monotonic() + seconds
        while not _acquire(handle):
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"Another process is busy with {folder}: try again when it has finished."
                )
            time.sleep(0.02)
        yield


def _acquire(handle: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove(folder: Path) -> None:
    """Delete a folder; nothing else may be done about it where that fails.

    Windows refuses while a process that just ended still holds a file, hence again and again.
    """
    for _ in range(200):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
