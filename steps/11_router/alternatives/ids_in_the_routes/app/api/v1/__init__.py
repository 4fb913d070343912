"""The registry of routers whose routes name their operation ids themselves."""

from fastapi import APIRouter

from app.api.v1.user import router as users

v1 = APIRouter()
v1.include_router(users)
api_router = APIRouter()
api_router.include_router(v1)
