"""The users table."""

from datetime import UTC, datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.session import Base
from app.db.types import UTCDateTime


class User(Base):
    """Somebody who signed up."""

    __tablename__ = "users"
    # No two users share an email or a username. Say so here, where the database hears it.

    id: Mapped[int] = mapped_column(primary_key=True)
    # The other five columns, each with its type, none of them without a value:
    # email, username and hashed_password, which are text and have a longest length;
    # is_active, which is true for somebody new;
    # created_at, which is a moment with its timezone: app/db/types.py has a type for that.

    # When the class is complete, name this module in the registry, app/db/base.py.
