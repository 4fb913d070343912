"""The routes of users: `POST` and `GET /users`, `GET /users/{user_id}`."""

from fastapi import APIRouter, Request, Response, status

from app.api.errors import ErrorMessage
from app.api.v1.dependencies import PageDep, RecordId, UserServiceDep
from app.schemas.user import UserCreate, UserRead

# The path with which all three routes begin, and the tag under which /docs shows them, belong to
# the router.
router = APIRouter()

# Each function below needs a decorator of the router above it. The decorator says the method, the
# rest of the path, the status code where it is not 200, and which other answers /docs should name.


async def create_user(
    data: UserCreate, service: UserServiceDep, request: Request, response: Response
) -> UserRead:
    """Sign up. `Location` says where the new user can be read."""
    raise NotImplementedError("step 10: let the service create the user, and say where it is now")


async def list_users(page: PageDep, service: UserServiceDep) -> list[UserRead]:
    """A page of users, ordered by id."""
    raise NotImplementedError("step 10: ask the service for this page, and show each user of it")


async def read_user(user_id: RecordId, service: UserServiceDep) -> UserRead:
    """One user."""
    raise NotImplementedError("step 10: ask the service for this user, and show it")
