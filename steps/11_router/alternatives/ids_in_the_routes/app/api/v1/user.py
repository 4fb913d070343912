"""The routes of users: `POST` and `GET /users`, `GET /users/{user_id}`."""

from fastapi import APIRouter, Request, Response, status

from app.api.errors import ErrorMessage
from app.api.v1.dependencies import PageDep, RecordId, UserServiceDep
from app.schemas.user import UserCreate, UserRead

router = APIRouter(prefix="/users", tags=["users"])


@router.post(
    "",
    operation_id="create_user",
    status_code=status.HTTP_201_CREATED,
    responses={400: {"model": ErrorMessage, "description": "Email or username already in use"}},
)
async def create_user(
    data: UserCreate, service: UserServiceDep, request: Request, response: Response
) -> UserRead:
    """Sign up. `Location` says where the new user can be read."""
    user = await service.create_user(data)
    response.headers["Location"] = request.url_for("read_user", user_id=user.id).path
    return UserRead.model_validate(user)


@router.get("", operation_id="list_users")
async def list_users(page: PageDep, service: UserServiceDep) -> list[UserRead]:
    """A page of users, ordered by id."""
    users = await service.list_users(limit=page.limit, offset=page.offset)
    return [UserRead.model_validate(user) for user in users]


@router.get(
    "/{user_id}",
    operation_id="read_user",
    responses={404: {"model": ErrorMessage, "description": "No such user"}},
)
async def read_user(user_id: RecordId, service: UserServiceDep) -> UserRead:
    """One user."""
    return UserRead.model_validate(await service.get_user(user_id))
