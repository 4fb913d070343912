"""A server that is reached by its URL, and the databases on it."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

import asyncpg as _asyncpg  # pyright: ignore[reportMissingTypeStubs]

from workshop.postgres.server import DATABASE, PostgresError

asyncpg: Any = _asyncpg  # its types are incomplete

# A server on this computer answers in 10 ms; a remote one gets the benefit of the doubt.
CONNECT_SECONDS = 4.5
FORM = "postgresql://user:password@host:port/database"

# What each error means to whoever wrote the URL; the first that fits counts.
MEANINGS: list[tuple[Any, str]] = [
    (
        # The second where another connection has just made it.
        (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError),
        "{address} already has a database of that name: choose another name.",
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "{address} does not let that user create or drop databases: use a user that may, "
        "or run ALTER ROLE … CREATEDB as the administrator.",
    ),
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "{address} refuses the user or the password: correct them in the database URL.",
    ),
    (
        (OSError, UnicodeError),
        "No PostgreSQL answers at {address}: start one with `nox -s postgres`, "
        "or correct the database URL.",
    ),
    (
        (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
        "{address} does not do what was asked ({name}): try again in a moment, "
        "or correct the database URL.",
    ),
]


def create_database(server_url: str, name: str) -> str:
    """Make an empty database on the server of a URL, and return its SQLAlchemy URL.

    The URL may begin with postgresql+asyncpg://, postgresql:// or postgres://. May be called
    from within a running event loop too, which it then blocks.
    Raises PostgresError, which never holds the password, where the URL is malformed, the
    server does not answer or refuses, or the database exists.
    """
    # template0, since nobody can be connected to it, which would make the copy fail.
    _ask(server_url, f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
    return urlunsplit(_split(server_url)._replace(scheme="postgresql+asyncpg", path=f"/{name}"))


def drop_database(server_url: str, name: str) -> None:
    """Delete a database, and end the connections to it; one that is not there is no error."""
    _ask(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', avoid=name)


def expect_server(url: str) -> None:
    """Raise PostgresError unless a PostgreSQL server answers at a URL and lets its user in."""
    _ask(url, "SELECT 1")


def ensure_database(url: str) -> None:
    """Make the database `fastapi_db` on a server unless it exists."""
    if _ask(url, "SELECT current_database()") != DATABASE:
        create_database(url, DATABASE)


def serves(url: str, data: Path) -> bool:
    """Whether the server that answers at a URL is the one of a cluster."""
    with suppress(PostgresError, OSError):
        return Path(_ask(url, "SHOW data_directory")).samefile(data)
    return False


def _ask(url: str, query: str, avoid: str = "") -> Any:
    parts = _split(url)
    # In a thread, because a notebook's cell and a check that is a coroutine have a running loop.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, _fetch(parts, query, avoid)).result()


def _split(url: str) -> SplitResult:
    """Take a URL apart.

    An error holds no part of it, nor has it a cause, which would quote it: what looks like the
    host or the port may be a piece of the password.
    """
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError
    except ValueError:
        raise PostgresError(
            f"The database URL has no valid host and port: write {FORM}, the port from 1 to 65535, "
            f"and in a password %40 for @, %3A for :, %2F for /, %23 for # and %3F for ?."
        ) from None
    if not re.fullmatch(r"postgres(ql(\+\w+)?)?", parts.scheme) or not parts.hostname:
        raise PostgresError(f"The database URL is not one of PostgreSQL: write it as {FORM}.")
    return parts


async def _fetch(parts: SplitResult, query: str, avoid: str) -> Any:
    """The first value that a statement returns, run in any database except `avoid`."""
    try:
        connection = await _connect(parts, avoid)
        try:
            return await connection.fetchval(query)
        finally:
            with suppress(Exception):
                await connection.close(timeout=CONNECT_SECONDS)
    except Exception as error:
        for kind, meaning in MEANINGS:
            if isinstance(error, kind):
                address = f"{parts.hostname}:{parts.port or 5432}"
                text = meaning.format(address=address, name=type(error).__name__)
                raise PostgresError(text) from error
        raise


async def _connect(parts: SplitResult, avoid: str) -> Any:
    """Connect to the database of a URL, or to `postgres` where that is to be avoided or missing."""
    names = [name for name in (parts.path[1:], "postgres", "template1") if name not in ("", avoid)]
    options = parse_qs(parts.query)
    async with asyncio.timeout(CONNECT_SECONDS):
        for name in names:
            with suppress(asyncpg.InvalidCatalogNameError):
                return await asyncpg.connect(
                    host=parts.hostname,
                    port=parts.port or 5432,
                    user=unquote(parts.username) if parts.username else None,
                    password=unquote(parts.password) if parts.password else None,
                    database=name,
                    # SQLAlchemy spells it ssl=, libpq sslmode=. asyncpg takes anything else in a
                    # URL for a setting of the server, so only this is passed on.
                    ssl=(options.get("ssl") or options.get("sslmode") or [None])[0],
                )
    raise asyncpg.InvalidCatalogNameError("no database to connect to")
