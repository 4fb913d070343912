"""Products over HTTP, with dependencies as defaults."""

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.api.errors import ErrorMessage
from app.api.v1.dependencies import get_product_service
from app.schemas.product import ProductCreate, ProductRead
from app.services.product_service import ProductService

router = APIRouter(tags=["products"])


@router.post(
    "/products",
    response_model=ProductRead,
    status_code=201,
    responses={400: {"model": ErrorMessage}},
)
async def create_product(
    body: ProductCreate,
    request: Request,
    response: Response,
    service: ProductService = Depends(get_product_service),  # noqa: B008
):
    product = await service.create_product(body)
    response.headers["location"] = f"{request.url.path}/{product.id}"
    return product


@router.get("/products", response_model=list[ProductRead])
async def list_products(
    limit: int = Query(20, ge=1, le=100),
    offset: int = Query(0, ge=0, le=2**31 - 1),
    service: ProductService = Depends(get_product_service),  # noqa: B008
):
    return await service.list_products(limit=limit, offset=offset)


@router.get(
    "/products/{product_id}", response_model=ProductRead, responses={404: {"model": ErrorMessage}}
)
async def one_product(
    product_id: int = Path(ge=1, le=2**31 - 1),
    service: ProductService = Depends(get_product_service),  # noqa: B008
):
    return await service.get_product(product_id)
