"""Products, in the older style."""

from datetime import datetime, timezone

from sqlalchemy import CheckConstraint, Column, Integer, String

from app.db.session import Base
from app.db.types import UTCDateTime


def _now():
    return datetime.now(timezone.utc)  # noqa: UP017


class Product(Base):
    __tablename__ = "products"

    id = Column(Integer, primary_key=True)
    name = Column(String(100), unique=True, nullable=False)
    price = Column(
        Integer, CheckConstraint("price >= 0", name="price_not_negative"), nullable=False
    )
    created_at = Column(UTCDateTime, default=_now, nullable=False)
