"""Throw-away servers for tests."""

import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from workshop.postgres import cluster
from workshop.postgres.account import give
from workshop.postgres.binaries import needed_binaries
from workshop.postgres.databases import ensure_database
from workshop.postgres.folders import locked, remove
from workshop.postgres.server import PostgresError, Server

PREFIX = "workshop-postgres-"
# Between the making of a folder and its lock are milliseconds.
LOCKED_AFTER_SECONDS = 10
# A throw-away cluster takes 60 MB, its WAL up to 128 MB, and a test's rows need room as well.
MEMORY_NEEDED = 1024**3
MEMORY = Path("/dev/shm")  # noqa: S108  mkdtemp makes a folder of its own there

# What makes a server safe against a power cut is of no use to data that is deleted in a minute.
# The WAL is kept small because the folder may be in memory.
SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
min_wal_size = 32MB
max_wal_size = 128MB
"""


@contextmanager
def temporary() -> Generator[Server]:
    """Give a server with an empty database on a free port, and delete it afterwards.

    It ends with the block, however that ends; if this process is killed, the next `temporary`
    ends it.
    """
    binaries, parent = needed_binaries(), fastest_place()
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    give(folder)
    try:
        with locked(folder):
            cluster.make_cluster(folder, binaries, cluster.SETTINGS + SETTINGS)
            server = cluster.launch(folder / "data", binaries, 0)
            ensure_database(server.url)
            yield server
    finally:
        with suppress(PostgresError, OSError):
            cluster.halt(Server(folder / "data", 0, binaries), crash=True)
        remove(folder)


def _sweep(parent: Path) -> None:
    """Stop and delete the servers of processes that were killed: nobody holds their locks."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(PostgresError, OSError):
            if time.time() - folder.stat().st_mtime < LOCKED_AFTER_SECONDS:
                continue
            with locked(folder):
                server = cluster.running(folder / "data")
                if server:
                    cluster.halt(server, crash=True)
            remove(folder)


def fastest_place() -> Path:
    """The folder for temporary data: in memory where there is room.

    A database is 300 files. On a disk, CREATE DATABASE took 20 to 280 ms, the longer the more
    files had just been deleted; in memory it took 14 ms each time, and initdb half as long.
    """
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED and os.access(MEMORY, os.W_OK | os.X_OK):
            return MEMORY
    return Path(tempfile.gettempdir()).resolve()
