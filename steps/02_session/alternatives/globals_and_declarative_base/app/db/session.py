"""Module variables instead of cached functions, and the naming convention of SQLAlchemy's manual."""

from collections.abc import AsyncGenerator

from sqlalchemy import MetaData, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.ext.asyncio import create_async_engine as make_engine
from sqlalchemy.orm import declarative_base

from app.core import config

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Base = declarative_base(metadata=metadata)

_engine: AsyncEngine | None = None
_factory: async_sessionmaker[AsyncSession] | None = None


def get_engine() -> AsyncEngine:
    global _engine
    if _engine is None:
        url = make_url(config.get_settings().DATABASE_URL)
        _engine = _for_sqlite(url) if url.drivername.startswith("sqlite") else _for_server(url)
    return _engine


def _for_server(url: URL) -> AsyncEngine:
    size = config.get_settings().DB_POOL_SIZE
    return make_engine(
        url, pool_size=size, max_overflow=0, pool_pre_ping=True, hide_parameters=True, echo=False
    )


def _for_sqlite(url: URL) -> AsyncEngine:
    engine = make_engine(url, pool_pre_ping=True, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def enforce_foreign_keys(connection, record):
        connection.execute("PRAGMA foreign_keys = 1").close()

    return engine


def get_session_factory() -> async_sessionmaker[AsyncSession]:
    global _factory
    if _factory is None:
        _factory = async_sessionmaker(
            bind=get_engine(), class_=AsyncSession, expire_on_commit=False, autoflush=False
        )
    return _factory


async def get_db() -> AsyncGenerator[AsyncSession, None]:
    session = get_session_factory()()
    try:
        yield session
    except BaseException:
        await session.rollback()
        raise
    finally:
        await session.close()


async def dispose_engine() -> None:
    global _engine, _factory
    engine, _engine, _factory = _engine, None, None
    if engine is not None:
        await engine.dispose()
