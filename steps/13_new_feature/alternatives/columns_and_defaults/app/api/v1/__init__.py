"""Version 1 of the API: the registry of its routers."""

from fastapi import APIRouter
from fastapi.routing import APIRoute

from app.api.v1 import product, user


def operation_id(route: APIRoute) -> str:
    """`create_user` instead of `create_user_api_v1_users_post`: the name in generated clients."""
    return route.name


api_router = APIRouter(generate_unique_id_function=operation_id)
for module in (user, product):
    api_router.include_router(module.router)
