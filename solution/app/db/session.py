"""The way to the database: the engine, its sessions, and the base class of every model."""

import logging
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

from sqlalchemy import MetaData, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from app.core.config import get_settings

# Both databases then give a constraint the same name, and a migration can name what it drops.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base class of every model. Its metadata is what Alembic compares with the database."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


@lru_cache
def get_engine() -> AsyncEngine:
    """The engine, made on first use: it belongs to the event loop that first connects with it."""
    settings = get_settings()
    options: dict[str, Any] = {"pool_pre_ping": True}
    if make_url(settings.DATABASE_URL).get_backend_name() == "postgresql":
        # No overflow: connections beyond the pool would be opened and closed for every request.
        options = {
            "pool_size": settings.DB_POOL_SIZE,
            "max_overflow": 0,
            # Seconds; asyncpg would wait a minute for a silent host.
            "connect_args": {"timeout": 5},
        }
    engine = create_async_engine(
        settings.DATABASE_URL,
        hide_parameters=True,  # e-mails and password hashes stay out of logs and tracebacks
        **options,
    )
    if engine.dialect.name == "postgresql":
        event.listen(engine.sync_engine, "checkout", _replace_if_closed)
    else:
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
        # Its DEBUG lines hold every value, password hashes too, whatever `hide_parameters` says.
        logging.getLogger("aiosqlite").setLevel(logging.INFO)
    event.listen(engine.sync_engine, "handle_error", _forget_row)
    return engine


def _replace_if_closed(connection: Any, *_: object) -> None:
    """Let the pool replace a connection that died with its server, instead of handing it out.

    asyncpg has noticed it by itself. `pool_pre_ping` would ask the server, which takes three round
    trips for every request.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")  # SQLite ignores foreign keys unless asked
    cursor.execute("PRAGMA busy_timeout=30000")  # milliseconds to wait for another writer
    cursor.close()


def _forget_row(context: ExceptionContext) -> None:
    """Cut PostgreSQL's DETAIL from an error: it may quote the whole row, password hash and all."""
    cause: Any = context.original_exception.__cause__
    if hasattr(cause, "detail"):
        cause.detail = None


@lru_cache
def get_session_factory() -> async_sessionmaker[AsyncSession]:
    """Make sessions whose objects stay readable after the commit, when the response is built."""
    return async_sessionmaker(get_engine(), expire_on_commit=False)


async def get_db() -> AsyncIterator[AsyncSession]:
    """One session for one request. Closing it rolls back whatever the service did not commit.

    It must not commit: unless told otherwise, FastAPI runs the code after `yield` when the response
    has already been sent.
    """
    async with get_session_factory()() as session:
        yield session


async def dispose_engine() -> None:
    """Close every pooled connection and forget the engine; the next use makes a new one."""
    if get_engine.cache_info().currsize:
        await get_engine().dispose()
    get_session_factory.cache_clear()
    get_engine.cache_clear()
