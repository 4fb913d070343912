"""The registry, with the ids given while including, and a list of routers."""

import fastapi

from app.api.v1 import user

ROUTERS = [user.router]
api_router = fastapi.APIRouter(responses={500: {"description": "A bug of ours"}})

for router in ROUTERS:
    api_router.include_router(
        router, tags=["v1"], generate_unique_id_function=lambda route: route.name
    )
