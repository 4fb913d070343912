"""The registry, with each id set on its route, before the router is included."""

from fastapi import APIRouter
from fastapi.routing import APIRoute

from app.api.v1.user import router as user_router


def _name_routes(router: APIRouter) -> APIRouter:
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.operation_id = route.endpoint.__name__
    return router


def _make() -> APIRouter:
    router = APIRouter()
    router.include_router(_name_routes(user_router))
    return router


api_router = _make()
