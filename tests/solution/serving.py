"""The solution as it runs in production: its processes, its migrations, its database from outside.

Nothing here imports the application: tests of the machinery in the same pytest process have their
own `app`. What is served is a real uvicorn process, and what is in the database is read through
a connection that the application knows nothing of.
"""

import asyncio
import os
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

SOLUTION = Path(__file__).parents[2] / "solution"
USERS = "/api/v1/users"
PRODUCTS = "/api/v1/products"
ADA = {"email": "ada@example.com", "username": "ada", "password": "correct horse battery"}

SETTINGS = (
    "DATABASE_URL",
    "APP_NAME",
    "APP_VERSION",
    "API_V1_STR",
    "SKIP_DB_INIT",
    "CORS_ORIGINS",
    "BCRYPT_ROUNDS",
    "DB_POOL_SIZE",
    "LOG_LEVEL",
)
# For plain HTTP. Each client would otherwise load the world's certificates, which takes 60 ms.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# A start takes one second; a busy computer gets the benefit of the doubt.
START_SECONDS = 60


def environment(database_url: str | None = None, **settings: object) -> dict[str, str]:
    """Our environment with these settings of the application and no others."""
    env = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    env |= {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    if database_url is not None:
        env["DATABASE_URL"] = database_url
    return env | {name: str(value) for name, value in settings.items()}


def run(
    *command: str | Path, folder: Path, env: dict[str, str], given: str = "", seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end in `folder`, whatever its exit status; it reads what is `given`."""
    return subprocess.run(
        command,
        cwd=folder,
        env=env,
        input=given,
        timeout=seconds,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


# One process for several commands: half of each one's second goes into imports.
RUN_ALEMBIC = """
import sys
from alembic.config import main
for command in sys.argv[1:]:
    main(command.split(), "alembic")
"""


def alembic(
    database_url: str, *commands: str, solution: Path = SOLUTION, succeeds: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run commands such as "upgrade head" in the folder of the solution, or of a copy."""
    arguments = (sys.executable, "-c", RUN_ALEMBIC, *commands)
    done = run(*arguments, folder=solution, env=environment(database_url))
    assert (done.returncode == 0) is succeeds, done.stderr + done.stdout
    return done


def python(code: str, folder: Path, database_url: str | None = None, given: str = "") -> str:
    """What a piece of Python prints that can import the application, run in `folder`."""
    env = environment(database_url) | {"PYTHONPATH": str(SOLUTION)}
    done = run(sys.executable, "-W", "error", "-c", code, folder=folder, env=env, given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def copy_solution(folder: Path) -> Path:
    """Copy the solution, as somebody does who starts from it, and return the new folder."""
    leftovers = shutil.ignore_patterns("__pycache__", "*.db", ".env", ".venv")
    return shutil.copytree(SOLUTION, folder / "my-app", ignore=leftovers)


@dataclass
class Served:
    """A uvicorn process that answers at `url`."""

    url: str
    process: subprocess.Popen[bytes]
    log_file: Path
    database_url: str

    def client(self) -> httpx2.Client:
        """A client whose addresses begin at this application."""
        return httpx2.Client(base_url=self.url, timeout=60, verify=NO_CERTIFICATES)

    def async_client(self) -> httpx2.AsyncClient:
        """A client that opens as many connections as there are requests at once."""
        limits = httpx2.Limits(max_connections=None)
        return httpx2.AsyncClient(
            base_url=self.url, timeout=60, verify=NO_CERTIFICATES, limits=limits
        )

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """GET on a connection of its own."""
        with self.client() as client:
            return client.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        """POST on a connection of its own."""
        with self.client() as client:
            return client.post(path, **options)

    def options(self, path: str, **options: Any) -> httpx2.Response:
        """OPTIONS on a connection of its own."""
        with self.client() as client:
            return client.options(path, **options)

    def log(self, since: int = 0) -> str:
        """What it has written to its standard output and error, from a byte on."""
        return self.log_file.read_bytes()[since:].decode("utf-8", errors="backslashreplace")


@contextmanager
def serve(
    database_url: str | None,
    folder: Path,
    *,
    workers: int = 1,
    solution: Path = SOLUTION,
    log_level: str = "info",
    **settings: object,
) -> Generator[Served]:
    """Serve the application on a free port until the block ends; its log goes to `folder`."""
    log_file = folder / f"uvicorn-{time.monotonic_ns()}.log"
    settings = {"BCRYPT_ROUNDS": 4} | settings
    command = [sys.executable, "-W", "error", "-m", "uvicorn", "app.main:app", "--port", "0"]
    command += ["--workers", str(workers), "--log-level", log_level]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            # --app-dir, so that a developer's `.env` in the folder of the solution has no say.
            [*command, "--app-dir", str(solution)],
            cwd=folder,
            env=environment(database_url, **settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    served = Served("", process, log_file, database_url or "")
    try:
        wait_until(lambda: _is_up(served, workers))
        found = re.search(r"running on (http://127\.0\.0\.1:\d+)", served.log())
        assert found, served.log()
        served.url = found.group(1)
        yield served
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _is_up(served: Served, workers: int) -> bool:
    log = served.log()
    assert served.process.poll() is None, log
    return log.count("Application startup complete") == workers and "running on http" in log


def wait_until(holds: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Wait until something holds, and fail where it does not come to hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:g} seconds in vain"
        time.sleep(0.02)


def sql(database_url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows that a statement gives, through a connection of its own; its changes are kept."""
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_file(database_url), timeout=30)) as connection:
            rows = connection.execute(query, values).fetchall()
            connection.commit()
            return rows
    return asyncio.run(_ask_postgresql(database_url, query, values))


def script(database_url: str, statements: str) -> None:
    """Run several statements, separated by semicolons."""
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_file(database_url))) as connection:
            connection.executescript(statements)
    else:
        asyncio.run(_ask_postgresql(database_url, statements, None))


def sqlite_file(database_url: str) -> str:
    """The path in a SQLite URL."""
    return database_url.partition("///")[2]


def plain(database_url: str) -> str:
    """A PostgreSQL URL as asyncpg itself understands it."""
    return database_url.replace("+asyncpg", "")


async def _ask_postgresql(url: str, query: str, values: tuple[object, ...] | None) -> list[Any]:
    connection: Any = await asyncpg.connect(plain(url), timeout=20)
    try:
        if values is None:
            await connection.execute(query)
            return []
        return [tuple(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()


def tables(database_url: str) -> set[str]:
    """The names of the tables in a database, without Alembic's own."""
    if database_url.startswith("sqlite"):
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    else:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return {name for (name,) in sql(database_url, query)} - {"alembic_version"}


def users(database_url: str) -> int:
    """How many users there are."""
    return int(sql(database_url, "SELECT count(*) FROM users")[0][0])


def empty(database_url: str) -> None:
    """Delete every row; the next id is 1 again."""
    if database_url.startswith("sqlite"):
        script(database_url, "DELETE FROM users; DELETE FROM products")
    else:
        script(database_url, "TRUNCATE users, products RESTART IDENTITY")
