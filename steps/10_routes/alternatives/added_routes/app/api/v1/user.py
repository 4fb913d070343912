"""Routes that are added by calls, in a router that documents its errors for all of them."""

from fastapi import APIRouter, HTTPException, Request, Response

from app.api.errors import ErrorMessage
from app.api.v1 import dependencies as deps
from app.schemas.user import UserCreate, UserRead
from app.services.errors import ConflictError, NotFoundError

router = APIRouter(
    prefix="/users",
    tags=["users"],
    responses={400: {"model": ErrorMessage}, 404: {"model": ErrorMessage}},
)


async def create_user(
    new: UserCreate, service: deps.UserServiceDep, request: Request, answer: Response
) -> UserRead:
    """Sign up, with the error turned into HTTP on the spot."""
    try:
        user = await service.create_user(data=new)
    except ConflictError as error:
        raise HTTPException(400, str(error)) from error
    answer.headers["Location"] = f"{request.url.path}/{user.id}"
    return UserRead.model_validate(user, from_attributes=True)


async def list_users(service: deps.UserServiceDep, page: deps.PageDep) -> list[UserRead]:
    """List."""
    rows = await service.list_users(offset=page.offset, limit=page.limit)
    return list(map(UserRead.model_validate, rows))


async def read_user(service: deps.UserServiceDep, number: deps.RecordId) -> UserRead:
    """Read."""
    try:
        row = await service.get_user(number)
    except NotFoundError as error:
        raise HTTPException(404, detail=error.message) from None
    return UserRead.model_validate(row)


router.add_api_route("", create_user, methods=["POST"], status_code=201)
router.add_api_route("", list_users, methods=["GET"])
router.add_api_route("/{number}", read_user, methods=["GET"])
