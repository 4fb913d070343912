"""Users, in the style of SQLAlchemy 1."""

import datetime

from sqlalchemy import Boolean, Column, Integer, String

from app.db.session import Base
from app.db.types import UTCDateTime


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class User(Base):
    __tablename__ = "users"

    id = Column(Integer, primary_key=True)
    email = Column(String(255), unique=True, nullable=False)
    username = Column(String(255), unique=True, nullable=False)
    hashed_password = Column(String, nullable=False)
    is_active = Column(Boolean, default=True, nullable=False)
    created_at = Column(UTCDateTime(), default=now, nullable=False)

    def __repr__(self):
        return f"<User {self.id} {self.username}>"
