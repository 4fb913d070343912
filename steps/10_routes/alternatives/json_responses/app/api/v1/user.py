"""Routes that build their responses themselves."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, status
from fastapi.responses import JSONResponse

from app.api.errors import ErrorMessage
from app.api.v1.dependencies import Page, PageDep, RecordId, get_user_service
from app.schemas.user import UserCreate, UserRead
from app.services.user_service import UserService

Users = Annotated[UserService, Depends(get_user_service)]
users = APIRouter(prefix="/users", tags=["users"])


def _shown(user: object) -> dict[str, object]:
    return UserRead.model_validate(user).model_dump(mode="json")


@users.get(
    "/{user_id}",
    response_model=UserRead,
    responses={status.HTTP_404_NOT_FOUND: {"model": ErrorMessage}},
)
async def read_user(user_id: RecordId, service: Users) -> JSONResponse:
    """Read."""
    return JSONResponse(_shown(await service.get_user(user_id)))


@users.get("", response_model=list[UserRead])
async def list_users(service: Users, page: PageDep) -> JSONResponse:
    """List."""
    assert isinstance(page, Page)
    found = await service.list_users(limit=page.limit, offset=page.offset)
    return JSONResponse([_shown(user) for user in found])


@users.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=UserRead,
    responses={400: {"model": ErrorMessage, "description": "In use"}},
)
async def create_user(service: Users, data: UserCreate, request: Request) -> JSONResponse:
    """Sign up."""
    user = await service.create_user(data)
    location = users.url_path_for("read_user", user_id=user.id)
    base = request.url.path.removesuffix("/users")
    return JSONResponse(_shown(user), 201, headers={"Location": base + location})


router = users
