"""The databases that the app is measured on: migrated, with the same users in each."""

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg as _asyncpg  # pyright: ignore[reportMissingTypeStubs]

from workshop import postgres
from workshop.course.steps import SOLUTION
from workshop.errors import WorkshopError
from workshop.postgres.throwaway import fastest_place
from workshop.upkeep.bench.servers import process

asyncpg: Any = _asyncpg  # its types are incomplete

USERS = 1000
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
HASH = "$2b$04$" + "x" * 53
INSERT = (
    "INSERT INTO users (email, username, hashed_password, is_active, created_at) "
    "VALUES ({}, {}, {}, {}, {})"
)


@contextmanager
def databases(kinds: list[str]) -> Generator[dict[str, str]]:
    """The URL of a database of each kind, deleted with the block.

    Both in memory where there is room, and PostgreSQL without fsync: the app is measured, and not
    the disk.
    """
    with ExitStack() as stack:
        urls: dict[str, str] = {}
        if "sqlite" in kinds:
            folder = tempfile.TemporaryDirectory(prefix="workshop-bench-", dir=fastest_place())
            file = Path(stack.enter_context(folder), "app.db")
            urls["sqlite"] = f"sqlite+aiosqlite:///{file.as_posix()}"
        if "postgresql" in kinds:
            urls["postgresql"] = stack.enter_context(postgres.temporary()).url
        for url in urls.values():
            _migrate(url)
            _fill(url)
        yield urls


def _migrate(url: str) -> None:
    # Not in the folder of the solution: a developer's `.env` there has no say.
    command = [sys.executable, "-m", "alembic", "-c", str(SOLUTION / "alembic.ini")]
    with process(
        [*command, "upgrade", "head"],
        {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as running:
        output, _ = running.communicate(timeout=60)
    if running.returncode:
        text = output.decode("utf-8", "replace")[-2000:]
        raise WorkshopError(f"The database of the bench could not be migrated:\n{text}")


def _fill(url: str) -> None:
    now = datetime.now(UTC)
    rows = [
        (f"seed{number}@example.com", f"seed{number}", HASH, True, now)
        for number in range(1, USERS + 1)
    ]
    if url.startswith("sqlite"):
        statement = INSERT.format(*"?" * 5)
        naive = now.strftime("%Y-%m-%d %H:%M:%S.%f")
        with closing(sqlite3.connect(url.partition(":///")[2])) as connection, connection:
            connection.executemany(statement, [(*row[:4], naive) for row in rows])
    else:
        asyncio.run(_fill_postgresql(url, rows))


async def _fill_postgresql(url: str, rows: list[Any]) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=20)
    try:
        await connection.executemany(INSERT.format("$1", "$2", "$3", "$4", "$5"), rows)
        await connection.execute("ANALYZE users")
    finally:
        await connection.close()
