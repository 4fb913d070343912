"""The products table."""

from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.session import Base
from app.db.types import UTCDateTime


class Product(Base):
    """Something for sale."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("name"), CheckConstraint("price >= 0", "price_not_negative"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    price: Mapped[int]  # cents: a float cannot hold 0.10
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=lambda: datetime.now(UTC))
