"""One listener for every SQLite connection of the program, and sessions made without a sessionmaker."""

import sqlite3
from functools import cache, partial

from sqlalchemy import Engine, MetaData, event
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from app.core.config import get_settings


def _fk_name(constraint, table):
    (key,) = constraint.elements
    return f"fk_{table.name}_{key.parent.name}_{key.target_fullname.split('.')[0]}"


class Base(AsyncAttrs, DeclarativeBase):
    """The base class of every model."""

    metadata = MetaData(
        naming_convention={
            "foreign_key_name": _fk_name,
            "pk": "pk_%(table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "%(foreign_key_name)s",
        }
    )


@event.listens_for(Engine, "connect")
def _on_connect(connection, _record):
    if isinstance(getattr(connection, "driver_connection", None), sqlite3.Connection) or (
        "sqlite" in type(connection).__module__
    ):
        cursor = connection.cursor()
        try:
            cursor.execute("PRAGMA foreign_keys=ON")
        finally:
            cursor.close()


@cache
def get_engine():
    settings = get_settings()
    options = {"pool_pre_ping": True, "hide_parameters": True}
    if settings.DATABASE_URL.startswith("postgresql"):
        options |= {"pool_size": settings.DB_POOL_SIZE, "max_overflow": 0}
    return create_async_engine(settings.DATABASE_URL, **options)


def get_session_factory():
    return partial(AsyncSession, get_engine(), expire_on_commit=False)


async def get_db():
    session = get_session_factory()()
    try:
        yield session
    finally:
        await session.rollback()
        await session.close()


async def dispose_engine():
    if get_engine.cache_info().currsize > 0:
        engine = get_engine()
        get_engine.cache_clear()
        await engine.dispose(close=True)
