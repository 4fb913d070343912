"""Alembic on the engine of the application, which it closes when it is done."""

import asyncio
import logging.config

import sqlalchemy as sa
from alembic import context

from app.core import config as settings
from app.db.base import Base
from app.db.session import dispose_engine, get_engine

file = context.config.config_file_name
if file:
    logging.config.fileConfig(file, None, False)

OPTIONS = {
    "target_metadata": Base.metadata,
    "render_as_batch": True,
    "compare_server_default": True,
    "render_item": lambda kind, item, _: (
        f"sa.{item.impl_instance!r}"
        if kind == "type" and isinstance(item, sa.TypeDecorator)
        else False
    ),
}


def migrate(connection=None):
    if connection is None:
        context.configure(url=settings.get_settings().DATABASE_URL, literal_binds=True)
    else:
        context.configure(connection=connection, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


async def connect():
    try:
        async with get_engine().begin() as connection:
            await connection.run_sync(migrate)
    finally:
        await dispose_engine()


migrate() if context.is_offline_mode() else asyncio.run(connect())
