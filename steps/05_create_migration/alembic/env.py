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

# Alembic runs this file for each of its commands. `context` is its way to talk to you: what the
# command is, and what you configure for it.

# First the logging, as alembic.ini describes it, if there is such a file
# (context.config.config_file_name). Loggers that exist already must go on as they are.


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write SQLAlchemy's own type into a revision, which has to outlive the types of the app."""
    raise NotImplementedError("step 5: the text for a type of the app; False for everything else")


def configure(**options: Any) -> None:
    """Compare with the registered models; write revisions that run on SQLite too."""
    raise NotImplementedError("step 5: hand the context our metadata, our options and these")


def run_offline() -> None:
    """Print the SQL instead of running it: `alembic upgrade head --sql`."""
    raise NotImplementedError("step 5: configure with the URL alone, then run the migrations")


def run_on(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    raise NotImplementedError("step 5: configure with the connection, then run the migrations")


async def run_online() -> None:
    """Connect with the async driver that the application uses, and no pool."""
    raise NotImplementedError("step 5: make an engine, connect, and run run_on on the connection")


if context.is_offline_mode():
    run_offline()
else:
    asyncio.run(run_online())
