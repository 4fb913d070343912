"""What one can do with products."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.models.product import Product
from app.services.errors import ConflictError, NotFoundError


class NoSuchProduct(NotFoundError):
    message = "Product not found"


class NameTaken(ConflictError):
    message = "Product name already taken"


class ProductService:
    def __init__(self, db):
        self.db = db

    async def create_product(self, data):
        product = Product(**data.model_dump())
        self.db.add(product)
        try:
            await self.db.commit()
        except IntegrityError:
            await self.db.rollback()
            raise NameTaken from None
        await self.db.refresh(product)
        return product

    async def get_product(self, product_id):
        rows = await self.db.execute(select(Product).where(Product.id == product_id))
        product = rows.scalar_one_or_none()
        if not product:
            raise NoSuchProduct()
        return product

    async def list_products(self, limit=20, offset=0):
        query = select(Product).order_by(Product.id.asc()).offset(offset).limit(limit)
        return list((await self.db.execute(query)).scalars())
