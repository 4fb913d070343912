"""The way to the database: the engine, its sessions, and the base class of every model."""

from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

from sqlalchemy import MetaData, event, make_url
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from app.core.config import get_settings

# How each kind of constraint is named: "ix", "uq", "ck", "fk" and "pk", each with a pattern such
# as "…_%(table_name)s_…".
NAMING_CONVENTION: dict[str, str] = {}


class Base(DeclarativeBase):
    """The base class of every model. Its metadata is what Alembic compares with the database."""

    # The metadata, with the naming convention above.


def get_engine() -> AsyncEngine:
    """The engine, made on first use: it belongs to the event loop that first connects with it."""
    # For PostgreSQL a pool of the size in the settings; SQLite takes no such options, and needs a
    # PRAGMA on every new connection instead.
    raise NotImplementedError("step 2: make the engine once, from the settings' DATABASE_URL")


def get_session_factory() -> async_sessionmaker[AsyncSession]:
    """Make sessions whose objects stay readable after the commit, when the response is built."""
    raise NotImplementedError("step 2: make the session factory once, on top of the engine")


async def get_db() -> AsyncIterator[AsyncSession]:
    """One session for one request. Closing it rolls back whatever the service did not commit.

    It must not commit: unless told otherwise, FastAPI runs the code after `yield` when the response
    has already been sent.
    """
    raise NotImplementedError("step 2: yield a session, and close it whatever happens")


async def dispose_engine() -> None:
    """Close every pooled connection and forget the engine; the next use makes a new one."""
    raise NotImplementedError("step 2: close the engine if there is one, and forget it")
