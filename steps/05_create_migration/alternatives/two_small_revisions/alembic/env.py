"""Alembic's entry point: which database, which models, and how revisions suit both databases."""

import asyncio
from logging.config import fileConfig
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeDecorator

from app.core.config import get_settings
from app.db.base import Base

if context.config.config_file_name is not None:
    # Alembic also runs inside tests and applications, whose loggers are not ours to silence.
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write SQLAlchemy's own type into a revision, which has to outlive the types of the app."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False  # everything else as Alembic would write it


def configure(**options: Any) -> None:
    """Compare with the registered models; write revisions that run on SQLite too."""
    context.configure(
        target_metadata=Base.metadata,
        render_as_batch=True,  # SQLite changes a table by making a new one
        compare_server_default=True,
        render_item=render_item,
        **options,
    )


def run_offline() -> None:
    """Print the SQL instead of running it: `alembic upgrade head --sql`."""
    configure(url=get_settings().DATABASE_URL, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_on(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def run_online() -> None:
    """Connect with the async driver that the application uses, and no pool."""
    engine = create_async_engine(get_settings().DATABASE_URL, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run_on)
    await engine.dispose()


if context.is_offline_mode():
    run_offline()
else:
    asyncio.run(run_online())
