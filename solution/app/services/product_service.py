"""What the application does with products."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.constraints import violated_constraint
from app.models.product import Product
from app.schemas.product import ProductCreate
from app.services.errors import ProductNameAlreadyTakenError, ProductNotFoundError


class ProductService:
    """The use cases around products, on one session, which is the caller's to close."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create_product(self, data: ProductCreate) -> Product:
        """Store a new product and commit. Raises ProductNameAlreadyTakenError."""
        product = Product(name=data.name, price=data.price)
        self._session.add(product)
        try:
            await self._session.commit()
        except IntegrityError as error:
            await self._session.rollback()
            if violated_constraint(error) != "uq_products_name":
                raise
            raise ProductNameAlreadyTakenError from error
        return product

    async def get_product(self, product_id: int) -> Product:
        """The product with this id. Raises ProductNotFoundError."""
        product = await self._session.get(Product, product_id)
        if product is None:
            raise ProductNotFoundError
        return product

    async def list_products(self, *, limit: int, offset: int = 0) -> Sequence[Product]:
        """At most `limit` products after the first `offset`, in the order of their ids."""
        query = select(Product).order_by(Product.id).limit(limit).offset(offset)
        return (await self._session.scalars(query)).all()
