"""The users table, with annotated types of its own and a unique index under the expected name."""

from datetime import UTC, datetime
from typing import Annotated

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.db import session
from app.db.types import UTCDateTime

Key = Annotated[int, mapped_column(primary_key=True, autoincrement=True)]
Moment = Annotated[
    datetime, mapped_column(UTCDateTime, insert_default=lambda: datetime.now(tz=UTC))
]


class User(session.Base):
    """Somebody who signed up."""

    __tablename__ = "users"

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(String(320), unique=True)
    username: Mapped[str] = mapped_column(String(64))
    hashed_password: Mapped[str] = mapped_column(String(128))
    is_active: Mapped[bool] = mapped_column(insert_default=True)
    created_at: Mapped[Moment]

    __table_args__ = (
        Index("uq_users_username", "username", unique=True),
        Index(None, "created_at"),
        {"comment": "Everybody who signed up"},
    )

    @validates("email")
    def fold(self, _key: str, email: str) -> str:
        """Keep an address in lower case."""
        return email.lower()
