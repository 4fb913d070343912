"""The routes of products: `POST` and `GET /products`, `GET /products/{product_id}`."""

from fastapi import APIRouter, Request, Response, status

from app.api.errors import ErrorMessage
from app.api.v1.dependencies import PageDep, ProductServiceDep, RecordId
from app.schemas.product import ProductCreate, ProductRead

router = APIRouter(prefix="/products", tags=["products"])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses={400: {"model": ErrorMessage, "description": "Product name already in use"}},
)
async def create_product(
    data: ProductCreate, service: ProductServiceDep, request: Request, response: Response
) -> ProductRead:
    """Offer a product. `Location` says where it can be read."""
    product = await service.create_product(data)
    response.headers["Location"] = request.url_for("read_product", product_id=product.id).path
    return ProductRead.model_validate(product)


@router.get("")
async def list_products(page: PageDep, service: ProductServiceDep) -> list[ProductRead]:
    """A page of products, ordered by id."""
    products = await service.list_products(limit=page.limit, offset=page.offset)
    return [ProductRead.model_validate(product) for product in products]


@router.get(
    "/{product_id}", responses={404: {"model": ErrorMessage, "description": "No such product"}}
)
async def read_product(product_id: RecordId, service: ProductServiceDep) -> ProductRead:
    """One product."""
    return ProductRead.model_validate(await service.get_product(product_id))
