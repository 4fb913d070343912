"""Routes in the older style: Depends as defaults, response_model, whole paths, absolute Location."""

from fastapi import APIRouter, Body, Depends, Request, Response

from app.api.errors import ErrorMessage
from app.api.v1.dependencies import PageDep, RecordId, get_user_service
from app.schemas.user import UserCreate, UserRead
from app.services.user_service import UserService

DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}}

router = APIRouter()


@router.post(
    "/users",
    response_model=UserRead,
    status_code=201,
    tags=["users"],
    responses={400: {"description": "Taken", "content": {"application/json": {"schema": DETAIL}}}},
)
async def create_user(
    request: Request,
    response: Response,
    payload: UserCreate = Body(),
    users: UserService = Depends(get_user_service),
):
    """Sign up."""
    user = await users.create_user(payload)
    response.headers["location"] = str(request.url_for("read_user", user_id=user.id))
    return user


@router.get("/users", response_model=list[UserRead], tags=["users"])
async def list_users(page: PageDep, users: UserService = Depends(get_user_service)):
    """List."""
    return await users.list_users(limit=page.limit, offset=page.offset)


@router.get(
    "/users/{user_id}",
    response_model=UserRead,
    tags=["users"],
    responses={404: {"model": ErrorMessage}},
)
async def read_user(user_id: RecordId, users: UserService = Depends(get_user_service)):
    """Read."""
    return await users.get_user(user_id)
