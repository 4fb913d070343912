"""A session instead of a connection, wait_for instead of timeout, and nothing logged but the tables."""

import asyncio
import logging
from contextlib import suppress

import sqlalchemy as sa

from app.db import session as db

Base = db.Base


async def check_database(timeout: float = 1.0) -> bool:
    with suppress(Exception):
        return await asyncio.wait_for(_ask(), timeout)
    return False


async def _ask() -> bool:
    async with db.get_session_factory()() as session:
        return await session.scalar(sa.select(1)) == 1


async def init_db() -> None:
    try:
        async with asyncio.timeout(1.5), db.get_engine().connect() as connection:
            found = await connection.run_sync(_table_names)
    except Exception as error:
        logging.warning("Cannot look at the tables (%s)", type(error).__name__)
        return
    missing = Base.metadata.tables.keys() - found
    if missing:
        logging.error(f"Missing: {missing}. Please run 'alembic upgrade head' first.")


def _table_names(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())
