"""Products, with an index that is unique and a base class for the common columns."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.session import Base
from app.db.types import UTCDateTime


class Stored:
    """What every new table has."""

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(
        UTCDateTime, insert_default=lambda: datetime.now(UTC), nullable=False
    )


class Product(Stored, Base):
    """A product."""

    __tablename__ = "products"

    name: Mapped[str] = mapped_column(sa.String(length=100))
    price: Mapped[int] = mapped_column(sa.Integer())

    __table_args__ = (
        sa.CheckConstraint(price >= 0, name="price_not_negative"),
        sa.UniqueConstraint(name),
    )

    def __init__(self, name: str, price: int) -> None:
        self.name = name
        self.price = price
