"""The users table."""

from datetime import UTC, datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.session import Base
from app.db.types import UTCDateTime


class User(Base):
    """Somebody who signed up."""

    __tablename__ = "users"
    # The database decides what is unique: only it sees every request of every worker.
    __table_args__ = (UniqueConstraint("email"), UniqueConstraint("username"))

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))  # RFC 5321 leaves an address 254 characters
    username: Mapped[str] = mapped_column(String(50))
    hashed_password: Mapped[str] = mapped_column(String(60))  # a bcrypt hash has 60
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=lambda: datetime.now(UTC))
