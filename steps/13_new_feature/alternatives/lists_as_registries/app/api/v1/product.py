"""Products over HTTP."""

from fastapi import APIRouter
from fastapi.requests import Request
from fastapi.responses import JSONResponse

from app.api.errors import ErrorMessage
from app.api.v1.dependencies import PageDep, Products, RecordId
from app.schemas.product import ProductCreate, ProductRead

router = APIRouter(
    prefix="/products",
    tags=["products"],
    responses={400: {"model": ErrorMessage}, 404: {"model": ErrorMessage}},
)


@router.post("", status_code=201, response_model=ProductRead)
async def create_product(new: ProductCreate, products: Products, request: Request) -> JSONResponse:
    """Create one."""
    product = ProductRead.model_validate(await products.create_product(new))
    url = request.url_for("get_product", product_id=product.id)
    return JSONResponse(product.model_dump(mode="json"), 201, {"Location": str(url)})


@router.get("")
async def list_products(page: PageDep, products: Products) -> list[ProductRead]:
    """List some."""
    rows = await products.list_products(**page.model_dump())
    return list(map(ProductRead.model_validate, rows))


@router.get("/{product_id}", response_model=ProductRead)
async def get_product(product_id: RecordId, products: Products) -> object:
    """Read one."""
    return await products.get_product(product_id)
