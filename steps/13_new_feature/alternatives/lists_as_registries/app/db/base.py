"""The registry of models, for `main` and Alembic, and two questions to the database as a whole."""

import asyncio
import importlib
import logging
import pkgutil

from sqlalchemy import inspect, text

import app.models
from app.db.session import Base, get_engine

__all__ = ["Base", "check_database", "init_db"]

# Every module in app/models registers itself.
for module in pkgutil.iter_modules(app.models.__path__, "app.models."):
    importlib.import_module(module.name)

logger = logging.getLogger(__name__)


async def check_database(timeout: float = 1.5) -> bool:
    """Whether the database answers a query within `timeout` seconds. Never raises.

    A probe has to survive every way in which a driver can fail: a refused connection is an
    `OSError` out of asyncpg, a wrong password an error of SQLAlchemy's, a misspelled host neither.
    """
    try:
        async with asyncio.timeout(timeout), get_engine().connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:
        # The type alone: the text of a driver's error names the host, the port and the user.
        logger.warning("The database does not answer: %s", type(error).__name__)
        return False
    return True


async def init_db() -> None:
    """Say at start-up what is missing from the database. It creates nothing: Alembic does that.

    The application starts all the same, so that it recovers by itself when the database does.
    """
    if not await check_database():
        return
    async with get_engine().connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    missing = sorted(set(Base.metadata.tables) - set(tables))
    if missing:
        logger.warning("No table %s yet: run `alembic upgrade head`", ", ".join(missing))
