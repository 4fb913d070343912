"""Version 1 of the API: the registry of its routers."""

from fastapi import APIRouter
from fastapi.routing import APIRoute

from app.api.v1.user import router as user_router


def operation_id(route: APIRoute) -> str:
    """`create_user` instead of `create_user_api_v1_users_post`: the name in generated clients."""
    raise NotImplementedError("step 11: the shortest name that no other route has")


# The router of this version. It should use operation_id for all of its routes, and have the
# routes of users in it. Where it is mounted is not its business: main decides.
api_router = APIRouter()
