"""One look and one warning for each table, through a connection that is closed by hand."""

import asyncio
import logging

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Base as Base
from app.db.session import get_engine


async def check_database(*, timeout: float = 2):
    connection = None
    try:
        async with asyncio.timeout(timeout):
            connection = await get_engine().connect()
            result = await connection.exec_driver_sql("SELECT 1")
            return result.scalar_one() == 1
    except asyncio.CancelledError:
        raise
    except Exception as error:
        logging.getLogger("uvicorn.error").info("database: %s", error.__class__.__name__)
        return False
    finally:
        if connection is not None:
            await connection.close()


async def init_db():
    if await check_database(timeout=1):
        async with get_engine().connect() as connection:
            for table in Base.metadata.sorted_tables:
                if not await _is_there(connection, table.name):
                    logging.getLogger("uvicorn.error").warning(
                        "There is no table %s: alembic upgrade head makes it", table.name
                    )


async def _is_there(connection: AsyncConnection, table: str) -> bool:
    return await connection.run_sync(lambda sync: inspect(sync).has_table(table))
