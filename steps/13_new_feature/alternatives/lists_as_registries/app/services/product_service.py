"""Products, stored by flush and commit."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exc, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import product as models
from app.schemas.product import ProductCreate
from app.services import errors


@dataclass
class ProductService:
    """Holds a session."""

    session: AsyncSession

    async def create_product(self, data: ProductCreate) -> models.Product:
        """Insert and commit."""
        product = models.Product(data.name, data.price)
        try:
            async with self.session.begin():
                self.session.add(product)
        except exc.IntegrityError as problem:
            raise errors.ProductNameTakenError from problem
        return product

    async def get_product(self, id: int) -> models.Product:  # noqa: A002
        """One row, or an error."""
        found = await self.session.get(models.Product, id)
        if found:
            return found
        raise errors.NoProductError

    async def list_products(self, *, offset: int = 0, limit: int) -> Sequence[models.Product]:
        """A slice of the table."""
        rows = select(models.Product).order_by(models.Product.id)
        return (await self.session.scalars(rows.slice(offset, offset + limit))).all()
